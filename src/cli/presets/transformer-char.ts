/** A small language model over characters. */
import { ShapeError } from "../../core/errors.ts";
import { deriveSeed } from "../../core/random.ts";
import { formatShape } from "../../core/shape.ts";
import type { DatasetSplit } from "../../datasets/index.ts";
import {
  Embedding,
  Linear,
  type Module,
  PositionEmbedding,
  RMSNorm,
  Sequential,
  TransformerBlock,
} from "../../nn/index.ts";

const FEATURES = 64;
const HEADS = 4;
const BLOCKS = 2;

/**
 * Embedding, causal transformer blocks, norm and head, `[batch, sequence]` character indices → `[batch, sequence,
 * characters]`.
 *
 * @throws ShapeError for data that are no text cut into samples
 */
export function transformerChar({ train }: DatasetSplit, seed: number): Module {
  const { classes, inputShape, targetShape } = train;
  if (classes === undefined || inputShape.length !== 1 || targetShape.length !== 1) {
    const got = `inputs of shape ${formatShape(inputShape)} and targets of shape ${formatShape(targetShape)}`;
    throw new ShapeError(`this network predicts the next character of a text; ${train.name} has ${got}`);
  }
  const blocks = Array.from({ length: BLOCKS }, (_, i) => {
    const options = { causal: true, layer: "float", seed: deriveSeed(seed, `block ${i}`) } as const;
    return new TransformerBlock(FEATURES, HEADS, options);
  });
  return new Sequential(
    new Embedding(classes.length, FEATURES, { deviation: 0.1, seed: deriveSeed(seed, "characters") }),
    new PositionEmbedding(inputShape[0], FEATURES, { seed: deriveSeed(seed, "positions") }),
    ...blocks,
    new RMSNorm(FEATURES),
    new Linear(FEATURES, classes.length, { seed: deriveSeed(seed, "head") }),
  );
}
