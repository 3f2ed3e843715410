/** The operations of deployed models: the only place that lists them. */
import { UnsupportedError } from "../../core/errors.ts";
import type { Operation } from "../operation.ts";
import { activation } from "./activation.ts";
import { add } from "./add.ts";
import { linear } from "./linear.ts";
import { rmsNorm } from "./rms-norm.ts";
import { ternaryLinear } from "./ternary-linear.ts";

export { activation, add, linear, rmsNorm, ternaryLinear };

/** Every operation. */
export const operations: readonly Operation[] = [ternaryLinear, linear, rmsNorm, activation, add];

/**
 * The operation of a name.
 *
 * @throws UnsupportedError listing the names there are
 */
export function operationById(id: string): Operation {
  const operation = operations.find((candidate) => candidate.id === id);
  if (operation) return operation;
  throw new UnsupportedError(
    `there is no operation ${JSON.stringify(id)}; known: ${operations.map(({ id }) => id).join(", ")}`,
  );
}
