/** Layers that ternary training left without any weight. */
import type { DeployedModel } from "../../runtime/deployed-model.ts";
import { inspectModel } from "../../runtime/inspect.ts";
import type { Output } from "../output.ts";

/** Warns when layers of a trained model have trits of 0 only: what they give does not depend on their inputs. */
export function warnOfZeroLayers(model: DeployedModel, output: Output): void {
  const names = inspectModel(model).nodes.flatMap(({ name, trits }) => (trits?.zero === 1 ? [name] : []));
  if (names.length === 0) return;
  const layers = `${names.length === 1 ? "layer" : "layers"} ${names.join(", ")}`;
  const advice = "try another --quantizer or --learning-rate, or in code a lower threshold";
  output.note(
    `${output.paintNote("yellow", "warning:")} all trits of ${layers} are 0, so nothing of the inputs passes; ${advice}`,
  );
}
