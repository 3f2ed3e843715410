/** The reference backend: plain TypeScript loops that every other backend must equal in all bits. */
import { UsageError } from "../../core/errors.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { Backend, BackendConvolution, BackendLinear, ConvolutionGeometry, LayerOptions } from "../backend.ts";
import { checkGeometry, checkImages, checkLayer, checkRows } from "../layer-checks.ts";
import { plainConvolution } from "./convolution.ts";
import { type PlainLayer, plainLinear } from "./linear.ts";

const KERNEL = "scalar";
const description = { id: "reference", kernels: [KERNEL], threads: 1 };

/** The backend; always there. */
export function open(): Backend {
  return { ...description, linear, convolution };
}

function linear(planes: readonly TernaryMatrix[], options: LayerOptions): BackendLinear {
  const layer = { planes, rule: checkLayer(planes, options, description), ...options };
  return disposable(layer, (x, m: number) => {
    checkRows(x, m, planes[0].inFeatures);
    return plainLinear(layer, x, m);
  });
}

function convolution(
  planes: readonly TernaryMatrix[],
  geometry: ConvolutionGeometry,
  options: LayerOptions,
): BackendConvolution {
  const layer = { planes, rule: checkLayer(planes, options, description), ...options };
  checkGeometry(planes, geometry);
  return disposable(layer, (x, images: number, height: number, width: number) => {
    checkImages(x, geometry, [images, height, width]);
    return plainConvolution(layer, geometry, x, [images, height, width]);
  });
}

/** A layer that refuses to run once it is disposed, as those do whose memory is gone then. */
function disposable<Sizes extends number[]>(
  { planes }: PlainLayer,
  run: (x: Float32Array, ...sizes: Sizes) => Float32Array,
): { kernel: string; byteLength: number; run: typeof run } & Disposable {
  let isDisposed = false;
  return {
    kernel: KERNEL,
    byteLength: planes.reduce((sum, { trits, scales }) => sum + trits.byteLength + scales.byteLength, 0),
    run(x, ...sizes) {
      if (isDisposed) throw new UsageError("this layer was disposed; prepare it again");
      return run(x, ...sizes);
    },
    [Symbol.dispose]() {
      isDisposed = true;
    },
  };
}
