/** What timed layers compute, and whether it is right. */
import { backends } from "../../backends/index.ts";
import { UnsupportedError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { Products, TimedLayer } from "./timed-layer.ts";

/** `[outFeatures, inFeatures]` */
export type LayerShape = readonly [n: number, k: number];

/** A layer and its inputs. */
export interface Problem {
  readonly matrix: TernaryMatrix;
  /** `[largest batch, k]`; smaller batches take the first rows. */
  readonly x: Float32Array;
}

/** Some outputs, as the definition has them. */
export interface Sample {
  /** Which tokens and which of their outputs: all pairs. */
  readonly tokens: readonly number[];
  readonly outputs: readonly number[];
  /** `[tokens, outputs]` */
  readonly values: Float32Array;
}

/** Outputs that are compared: around the edges of panels, and the last. */
const COMPARED_OUTPUTS = [0, 1, 15, 16, 63, 64, 79, 80, -2, -1];
/** Tokens that are compared: around the edges of tiles, and the last. */
const COMPARED_TOKENS = [0, 5, 6, -1];

/** A third of each trit, a scale for the layer as the quantizer of BitNet has it, and normally distributed inputs. */
export function randomProblem([n, k]: LayerShape, batch: number): Problem {
  const random = new RandomSource(n * 100_003 + k);
  const trits = Int8Array.from({ length: n * k }, () => random.integer(3) - 1);
  const matrix = { outFeatures: n, inFeatures: k, trits, scales: Float32Array.of(0.02) };
  return { matrix, x: Float32Array.from({ length: batch * k }, () => random.normal()) };
}

/** Computes some outputs of the first `m` tokens with the last backend of the list, which defines what is right. */
export async function referenceSample({ matrix, x }: Problem, m: number): Promise<Sample> {
  const { inFeatures: k } = matrix;
  const tokens = within(COMPARED_TOKENS, m);
  const outputs = within(COMPARED_OUTPUTS, matrix.outFeatures);
  const trits = new Int8Array(outputs.length * k);
  outputs.forEach((n, i) => {
    trits.set(matrix.trits.subarray(n * k, (n + 1) * k), i * k);
  });
  const inputs = new Float32Array(tokens.length * k);
  tokens.forEach((token, i) => {
    inputs.set(x.subarray(token * k, (token + 1) * k), i * k);
  });
  const definition = await backends[backends.length - 1].open();
  if ("unavailable" in definition) throw new UnsupportedError(definition.unavailable);
  using layer = definition.linear([{ ...matrix, outFeatures: outputs.length, trits }], { activation: "int8" });
  return { tokens, outputs, values: await layer.run(inputs, tokens.length) };
}

/**
 * Compares what a layer with `n` outputs computed with the sample.
 *
 * @throws Error saying what differs
 */
export function checkProducts(
  products: Products,
  n: number,
  sample: Sample,
  layer: Pick<TimedLayer, "backend" | "kernel" | "tolerance">,
): void {
  for (const y of products instanceof Float32Array ? [products] : products) checkProduct(y, n, sample, layer);
}

function checkProduct(
  y: Float32Array,
  n: number,
  { tokens, outputs, values }: Sample,
  { backend, kernel, tolerance }: Pick<TimedLayer, "backend" | "kernel" | "tolerance">,
): void {
  const found = tokens.flatMap((token) => outputs.map((output) => y[token * n + output]));
  if (tolerance === 0) {
    const wrong = found.findIndex((value, i) => !Object.is(value, values[i]));
    if (wrong === -1) return;
    throw new Error(`${backend} ${kernel}: an output should be ${values[wrong]}, got ${found[wrong]}`);
  }
  const deviation = Math.hypot(...found.map((value, i) => value - values[i])) / Math.hypot(...values);
  if (deviation <= tolerance) return; // false for NaN, too
  throw new Error(`${backend} ${kernel}: outputs deviate by ${deviation}, more than ${tolerance}`);
}

/** Indices below `length`, each once; negative ones count from the end. */
function within(indices: readonly number[], length: number): number[] {
  return [...new Set(indices.map((index) => (index < 0 ? index + length : index)))].filter(
    (index) => index >= 0 && index < length,
  );
}
