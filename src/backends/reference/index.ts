/** The reference backend: plain TypeScript loops that every other backend must equal in all bits. */
import { UsageError } from "../../core/errors.ts";
import { matrixOf, type TernaryWeights } from "../../core/ternary-rows.ts";
import type { Backend, BackendConvolution, BackendLinear, ConvolutionGeometry, LayerOptions } from "../backend.ts";
import { checkGeometry, checkImages, checkLayer, checkOutput, checkRows } from "../layer-checks.ts";
import { plainConvolution } from "./convolution.ts";
import { type PlainLayer, plainLinear } from "./linear.ts";

const KERNEL = "scalar";
const description = { id: "reference", kernels: [KERNEL], threads: 1 };

/** The backend; always there. */
export function open(): Backend {
  return { ...description, linear, convolution };
}

function linear(planes: readonly TernaryWeights[], options: LayerOptions): BackendLinear {
  const layer = plainLayer(planes, options);
  return disposable(layer, (x, m: number, y?: Float32Array) => {
    const [{ inFeatures, outFeatures }] = planes;
    checkRows(x, m, inFeatures);
    checkOutput(y, x, m * outFeatures);
    return plainLinear(layer, x, m, y);
  });
}

function convolution(
  planes: readonly TernaryWeights[],
  geometry: ConvolutionGeometry,
  options: LayerOptions,
): BackendConvolution {
  const layer = plainLayer(planes, options);
  checkGeometry(planes, geometry);
  return disposable(layer, (x, images: number, height: number, width: number, y?: Float32Array) => {
    checkImages(x, geometry, [images, height, width]);
    return plainConvolution(layer, geometry, x, [images, height, width], y);
  });
}

function plainLayer(planes: readonly TernaryWeights[], options: LayerOptions): PlainLayer {
  const rule = checkLayer(planes, options, description);
  return { planes: planes.map(matrixOf), rule, ...options };
}

/** A layer that refuses to run once it is disposed, as those do whose memory is gone then. */
function disposable<Rest extends unknown[]>(
  { planes }: PlainLayer,
  run: (x: Float32Array, ...rest: Rest) => Float32Array,
): Pick<BackendLinear, "kernel" | "byteLength" | "readTrits"> & { run: typeof run } & Disposable {
  let isDisposed = false;
  return {
    kernel: KERNEL,
    byteLength: planes.reduce((sum, { trits, scales }) => sum + trits.byteLength + scales.byteLength, 0),
    run(x, ...rest) {
      checkPresent();
      return run(x, ...rest);
    },
    readTrits(plane) {
      checkPresent();
      return planes[plane].trits.slice();
    },
    [Symbol.dispose]() {
      isDisposed = true;
    },
  };

  function checkPresent(): void {
    if (isDisposed) throw new UsageError("this layer was disposed; prepare it again");
  }
}
