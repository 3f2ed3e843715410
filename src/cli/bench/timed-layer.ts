/** Layers made ready to be timed: the contract, and the layers of our own backends. */
import type { Backend } from "../../backends/index.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";

/**
 * Where weights come from: `cold` runs take copies of a layer in turns, so that each comes from memory; `warm` runs repeat
 * one layer, which stays in the caches it fits into.
 */
export type Mode = "cold" | "warm";

/** The product of a call, `[m, n]`; or products, of a layer that computes several at once. */
export type Products = Float32Array | readonly Float32Array[];

/** One way to call a layer. */
export interface TimedRun {
  /** Products that one call computes. */
  readonly products: number;
  /** Multiplies `x`, `[m, k]`, with the next copy or copies of the layer. */
  run(x: Float32Array, m: number): Products | Promise<Products>;
}

/** A layer of one kernel, ours or a peer's. */
export interface TimedLayer extends AsyncDisposable {
  readonly backend: string;
  readonly kernel: string;
  readonly threads: number;
  /** Bytes of the weights as the kernel reads them. */
  readonly byteLength: number;
  /** Copies that cold runs take in turns. */
  readonly copies: number;
  /** Largest ‖y - reference‖ / ‖reference‖ that is right; 0 asks for equal bits. */
  readonly tolerance: number;
  readonly warm: TimedRun;
  /** Absent where the layer was prepared for warm runs only. */
  readonly cold?: TimedRun;
}

/** A layer of one kernel of a backend. @param coldByteLength bytes that its copies take together; 0 for warm runs only */
export function kernelLayer(
  backend: Backend,
  kernel: string,
  matrix: TernaryMatrix,
  coldByteLength: number,
): TimedLayer {
  const prepare = (plane: TernaryMatrix) => backend.linear([plane], { activation: "int8", kernel });
  const layers = [prepare(matrix)];
  const [{ byteLength }] = layers;
  // A backend may keep the trits it is given, so each copy gets its own.
  while (layers.length * byteLength < coldByteLength) layers.push(prepare({ ...matrix, trits: matrix.trits.slice() }));
  let next = 0;
  const outputFor = keptOutput(matrix.outFeatures, SharedArrayBuffer);
  const cold: TimedRun = {
    products: 1,
    run(x, m) {
      next = (next + 1) % layers.length;
      return layers[next].run(x, m, outputFor(m));
    },
  };
  return {
    ...{ backend: backend.id, kernel, threads: backend.threads, byteLength, copies: layers.length, tolerance: 0 },
    warm: { products: 1, run: (x, m) => layers[0].run(x, m, outputFor(m)) },
    ...(coldByteLength > 0 && { cold }),
    async [Symbol.asyncDispose]() {
      for (const layer of layers) layer[Symbol.dispose]();
    },
  };
}

/** One array for the outputs of all calls of a batch size, as models keep it between their layers. */
export function keptOutput(outFeatures: number, Memory: MemoryConstructor): (m: number) => Float32Array {
  let y: Float32Array = new Float32Array(0);
  return (m) => {
    const length = m * outFeatures;
    if (y.length !== length) y = new Float32Array(new Memory(Float32Array.BYTES_PER_ELEMENT * length));
    return y;
  };
}

type MemoryConstructor = new (byteLength: number) => ArrayBuffer | SharedArrayBuffer;
