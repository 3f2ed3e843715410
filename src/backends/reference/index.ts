/** The reference backend: plain TypeScript loops that every other backend must equal in all bits. */
import { UsageError } from "../../core/errors.ts";
import { matrixOf, type TernaryWeights } from "../../core/ternary-rows.ts";
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

function linear(planes: readonly TernaryWeights[], options: LayerOptions): BackendLinear {
  const layer = plainLayer(planes, options);
  return disposable(layer, (x, m: number) => {
    checkRows(x, m, planes[0].inFeatures);
    return plainLinear(layer, x, m);
  });
}

function convolution(
  planes: readonly TernaryWeights[],
  geometry: ConvolutionGeometry,
  options: LayerOptions,
): BackendConvolution {
  const layer = plainLayer(planes, options);
  checkGeometry(planes, geometry);
  return disposable(layer, (x, images: number, height: number, width: number) => {
    checkImages(x, geometry, [images, height, width]);
    return plainConvolution(layer, geometry, x, [images, height, width]);
  });
}

function plainLayer(planes: readonly TernaryWeights[], options: LayerOptions): PlainLayer {
  const rule = checkLayer(planes, options, description);
  return { planes: planes.map(matrixOf), rule, ...options };
}

/** A layer that refuses to run once it is disposed, as those do whose memory is gone then. */
function disposable<Sizes extends number[]>(
  { planes }: PlainLayer,
  run: (x: Float32Array, ...sizes: Sizes) => Float32Array,
): Pick<BackendLinear, "kernel" | "byteLength" | "readTrits"> & { run: typeof run } & Disposable {
  let isDisposed = false;
  return {
    kernel: KERNEL,
    byteLength: planes.reduce((sum, { trits, scales }) => sum + trits.byteLength + scales.byteLength, 0),
    run(x, ...sizes) {
      checkPresent();
      return run(x, ...sizes);
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
