/** How the inputs of a ternary layer become the codes that meet the trits: the contract of every activation rule. */
import type { Tensor } from "../tensor/tensor.ts";

/** A rule by name; the list in `index.ts` says which there are. */
export type ActivationRuleId = string;

/** Codes of tokens during training, with the gradient of the rule. */
export interface TracedActivation {
  /** `[..., K]`: in value the codes, in gradient the straight-through estimate. */
  readonly codes: Tensor;
  /** `[..., 1]`, NaN for a token that is not allowed; no gradient. */
  readonly scales: Tensor;
}

/** One activation rule; real input ≈ code · scale. */
export interface ActivationRule {
  readonly id: ActivationRuleId;
  /** One line for help texts and tables. */
  readonly summary: string;
  /** Whether codes are integers of at most 127 in magnitude, so that sums of code · trit are exact. */
  readonly isInteger: boolean;
  /**
   * Codes of one token.
   *
   * @param token `[K]`
   * @param codes `[K]`, filled by the call
   * @returns the scale; NaN when the token holds a NaN, an infinity or a magnitude of 2¹²⁶ or more
   */
  encode(token: Float32Array, codes: Float32Array): number;
  /** The same rule on the training engine, over the last axis; uses only methods of the tensor it is given. */
  trace(x: Tensor): TracedActivation;
}

/** Tokens that reach this magnitude give NaN (numeric contract, "Edges"). */
export const MAX_MAGNITUDE: number = 2 ** 126;

/** Largest magnitude of a token; NaN when one of its values is not allowed. */
export function largestMagnitude(token: Float32Array): number {
  let largest = 0;
  for (const value of token) {
    const magnitude = Math.abs(value);
    if (!(magnitude < MAX_MAGNITUDE)) return Number.NaN;
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}
