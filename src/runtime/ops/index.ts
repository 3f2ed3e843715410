/** The operations of deployed models: the only place that lists them. */
import { UnsupportedError } from "../../core/errors.ts";
import type { Operation } from "../operation.ts";
import { activation } from "./activation.ts";
import { add } from "./add.ts";
import { averagePool } from "./average-pool.ts";
import { convolution } from "./convolution.ts";
import { flatten } from "./flatten.ts";
import { globalAveragePool } from "./global-average-pool.ts";
import { linear } from "./linear.ts";
import { maxPool } from "./max-pool.ts";
import { rmsNorm } from "./rms-norm.ts";
import { ternaryConvolution } from "./ternary-convolution.ts";
import { ternaryLinear } from "./ternary-linear.ts";

export {
  activation,
  add,
  averagePool,
  convolution,
  flatten,
  globalAveragePool,
  linear,
  maxPool,
  rmsNorm,
  ternaryConvolution,
  ternaryLinear,
};

/** Every operation. */
export const operations: readonly Operation[] = [
  ternaryLinear,
  ternaryConvolution,
  linear,
  convolution,
  rmsNorm,
  activation,
  add,
  maxPool,
  averagePool,
  globalAveragePool,
  flatten,
];

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
