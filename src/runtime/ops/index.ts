/** The operations of deployed models: the only place that lists them. */
import { UnsupportedError } from "../../core/errors.ts";
import type { Operation } from "../operation.ts";
import { activation } from "./activation.ts";
import { add } from "./add.ts";
import { attention } from "./attention.ts";
import { averagePool } from "./average-pool.ts";
import { batchNorm } from "./batch-norm.ts";
import { convolution } from "./convolution.ts";
import { embedding } from "./embedding.ts";
import { flatten } from "./flatten.ts";
import { globalAveragePool } from "./global-average-pool.ts";
import { layerNorm } from "./layer-norm.ts";
import { linear } from "./linear.ts";
import { maxPool } from "./max-pool.ts";
import { positionEmbedding } from "./position-embedding.ts";
import { rmsNorm } from "./rms-norm.ts";
import { ternaryConvolution } from "./ternary-convolution.ts";
import { ternaryLinear } from "./ternary-linear.ts";

export {
  activation,
  add,
  attention,
  averagePool,
  batchNorm,
  convolution,
  embedding,
  flatten,
  globalAveragePool,
  layerNorm,
  linear,
  maxPool,
  positionEmbedding,
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
  attention,
  embedding,
  positionEmbedding,
  rmsNorm,
  layerNorm,
  batchNorm,
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
