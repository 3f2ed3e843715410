/** `bitlinear export` from a saved model to an ONNX file. */
import { exportOnnx, weightForms } from "../convert/onnx-export/index.ts";
import { formatBytes } from "../core/number-format.ts";
import { writeFileAtomic } from "../files/index.ts";
import { inspectModel } from "../runtime/inspect.ts";
import { loadModel } from "../runtime/model-file.ts";
import type { CommandContext } from "./commands/command.ts";
import { checkTargets } from "./target-files.ts";

/** What `bitlinear export` takes. */
export interface ExportModelOptions {
  readonly weights: string;
}

/** Writes the model of a file to another file as ONNX. */
export async function exportSavedModel(
  { weights }: ExportModelOptions,
  { output }: CommandContext,
  modelPath: string,
  path: string,
): Promise<number> {
  await checkTargets({ "FILE.onnx": path }, { MODEL: modelPath });
  using model = await loadModel(modelPath, { backend: "reference" }); // nothing runs: no kernels are prepared
  const bytes = exportOnnx(model, { weights });
  await writeFileAtomic(path, bytes);
  const keepsSums = weightForms.some(({ id, isExact }) => id === weights && isExact);
  const hasKnownSizes = model.graph.inputShape?.includes(null) === false; // else the runtime takes means in its own way
  const isExact = keepsSums && hasKnownSizes && inspectModel(model).total.isExact;
  output.emit({ model: modelPath, onnx: path, weights, bytes: bytes.length, modelBytes: model.byteLength, isExact });
  output.print(`${output.paint("bold", path)} ${formatBytes(bytes.length)}, weights as ${weights}`);
  output.print(
    isExact
      ? "every operation is exact: a runtime that keeps the operations apart gives the same bits"
      : "outputs may differ by the rounding of float sums or of the form of weights (see docs/onnx.md)",
  );
  return 0;
}
