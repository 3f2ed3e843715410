/** A recipe in words. */
import type { Recipe } from "../presets/index.ts";

/** `5 epochs in batches of 64, AdamW with learning rate 0.002` */
export function describeRecipe({ epochs, batchSize, learningRate }: Recipe): string {
  const passes = epochs === 1 ? "1 epoch" : `${epochs} epochs`;
  return `${passes} in batches of ${batchSize}, AdamW with learning rate ${learningRate}`;
}
