/** The optimizers: the only place that lists them. */
import { adam, adamW } from "./adam.ts";
import { lion } from "./lion.ts";
import type { Optimizer } from "./optimizer.ts";
import { sgd } from "./sgd.ts";

export { type AdamOptions, adam, adamW } from "./adam.ts";
export { type LionOptions, lion } from "./lion.ts";
export type { Optimizer, Update } from "./optimizer.ts";
export { type SgdOptions, sgd } from "./sgd.ts";

/** Every optimizer by name, for command lines; each takes at least a learning rate. */
export const optimizers: Readonly<Record<string, (options?: { learningRate?: number }) => Optimizer>> = {
  adamW,
  adam,
  sgd,
  lion,
};
