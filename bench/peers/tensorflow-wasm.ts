/** TensorFlow.js on WebAssembly: float32, with one thread, which is all it has in Node. */
import type { TimedRun } from "../../src/cli/bench/timed-layer.ts";
import { columnWeights } from "./column-weights.ts";
import { loadPackage } from "./installed-package.ts";
import type { Peer, PeerKernel } from "./peer.ts";

/** What is used of @tensorflow/tfjs-core. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  tensor2d(values: Float32Array, shape: readonly [number, number]): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
}

interface Tensor {
  dataSync(): Float32Array;
  dispose(): void;
}

/** Its outputs against ours, whose int8 activations have a rounding noise of 0.9 % (see onnx-runtime.ts). */
const TOLERANCE = 0.02;

const FLOAT_BYTES = 4;

/** @tensorflow/tfjs-backend-wasm */
export const tensorflowWasm: Peer = {
  id: "tfjs-backend-wasm",
  async open() {
    const core = loadPackage<TensorFlow>("@tensorflow/tfjs-core");
    if ("unavailable" in core) return core;
    const backend = loadPackage<unknown>("@tensorflow/tfjs-backend-wasm"); // makes itself known to the core
    if ("unavailable" in backend) return backend;
    if (!(await core.package.setBackend("wasm"))) return { unavailable: "its WebAssembly cannot be started here" };
    return [floatKernel(core.package)];
  },
};

function floatKernel(tf: TensorFlow): PeerKernel {
  const id = "matMul, float32";
  return {
    id,
    async prepare(matrix, { threads, coldByteLength }) {
      if (threads !== 1) return undefined;
      const { outFeatures: n, inFeatures: k } = matrix;
      const values = columnWeights(matrix); // its fast path takes no transposed matrix
      const byteLength = values.length * FLOAT_BYTES;
      const copies = Math.max(1, Math.ceil(coldByteLength / byteLength));
      const weights = Array.from({ length: copies }, () => tf.tensor2d(values, [k, n]));
      const multiply = (x: Float32Array, m: number, w: Tensor): Float32Array => {
        const input = tf.tensor2d(x, [m, k]);
        const output = tf.matMul(input, w);
        const y = output.dataSync();
        input.dispose();
        output.dispose();
        return y;
      };
      let next = 0;
      const cold: TimedRun = {
        products: 1,
        run(x, m) {
          next = (next + 1) % copies;
          return multiply(x, m, weights[next]);
        },
      };
      return {
        ...{ backend: "tfjs-backend-wasm", kernel: id, threads, byteLength, copies, tolerance: TOLERANCE },
        warm: { products: 1, run: (x, m) => multiply(x, m, weights[0]) },
        ...(copies > 1 && { cold }),
        async [Symbol.asyncDispose]() {
          for (const tensor of weights) tensor.dispose();
        },
      };
    },
  };
}
