/** The reference backend: plain TypeScript loops that every other backend must equal in all bits. */
import { type ActivationRule, activationRule } from "../../activation-rules/index.ts";
import { ShapeError, UnsupportedError } from "../../core/errors.ts";
import { checkSize } from "../../core/shape.ts";
import { checkTernaryMatrix, MAX_IN_FEATURES, type TernaryMatrix } from "../../core/ternary-matrix.ts";
import {
  type Backend,
  type BackendConvolution,
  type BackendLinear,
  type ConvolutionGeometry,
  convolvedSize,
  type LayerOptions,
} from "../backend.ts";
import { plainConvolution } from "./convolution.ts";
import { plainLinear } from "./linear.ts";

const KERNEL = "scalar";

/** The backend; always there. */
export function open(): Backend {
  return { id: "reference", kernels: [KERNEL], linear, convolution };
}

function linear(planes: readonly TernaryMatrix[], options: LayerOptions): BackendLinear {
  const rule = checkLayer(planes, options);
  const [{ inFeatures }] = planes;
  return {
    kernel: KERNEL,
    byteLength: byteLengthOf(planes),
    run(x, m) {
      checkSize("m", m, 0);
      checkInput(x, m * inFeatures, `[${m}, ${inFeatures}]`);
      return plainLinear(planes, rule, options.bias, x, m);
    },
    [Symbol.dispose]() {},
  };
}

function convolution(
  planes: readonly TernaryMatrix[],
  geometry: ConvolutionGeometry,
  options: LayerOptions,
): BackendConvolution {
  const rule = checkLayer(planes, options);
  checkGeometry(geometry);
  const { inChannels, kernelSize } = geometry;
  const patchSize = inChannels * kernelSize[0] * kernelSize[1];
  if (planes[0].inFeatures !== patchSize) {
    throw new ShapeError(
      `a ${kernelSize[0]} x ${kernelSize[1]} kernel over ${inChannels} channels needs rows of ${patchSize} weights, got ${planes[0].inFeatures}`,
    );
  }
  return {
    kernel: KERNEL,
    byteLength: byteLengthOf(planes),
    run(x, images, height, width) {
      checkSize("images", images, 0);
      checkImageSize(geometry, [height, width]);
      checkInput(x, images * height * width * inChannels, `[${images}, ${height}, ${width}, ${inChannels}]`);
      return plainConvolution(planes, geometry, rule, options.bias, x, [images, height, width]);
    },
    [Symbol.dispose]() {},
  };
}

function checkLayer(planes: readonly TernaryMatrix[], options: LayerOptions): ActivationRule {
  if (planes.length === 0) throw new ShapeError("a ternary layer needs at least one plane of weights, got none");
  for (const plane of planes) {
    checkTernaryMatrix(plane);
    if (plane.outFeatures !== planes[0].outFeatures || plane.inFeatures !== planes[0].inFeatures) {
      throw new ShapeError("all planes of a ternary layer must have one shape");
    }
  }
  const [{ outFeatures, inFeatures }] = planes;
  if (inFeatures > MAX_IN_FEATURES) {
    throw new ShapeError(`inFeatures must be at most ${MAX_IN_FEATURES} for exact sums, got ${inFeatures}`);
  }
  if (options.bias && options.bias.length !== outFeatures) {
    throw new ShapeError(`bias must hold one value per row (${outFeatures}), got ${options.bias.length}`);
  }
  if (options.kernel !== undefined && options.kernel !== KERNEL) {
    throw new UnsupportedError(
      `the reference backend has no kernel ${JSON.stringify(options.kernel)}; it has: ${KERNEL}`,
    );
  }
  return activationRule(options.activation);
}

function checkGeometry({ inChannels, kernelSize, stride, padding }: ConvolutionGeometry): void {
  checkSize("inChannels", inChannels);
  for (const axis of [0, 1]) {
    checkSize("kernelSize", kernelSize[axis]);
    checkSize("stride", stride[axis]);
    checkSize("padding", padding[axis], 0);
  }
}

function checkImageSize({ kernelSize, stride, padding }: ConvolutionGeometry, size: readonly [number, number]): void {
  for (const axis of [0, 1]) {
    const name = axis === 0 ? "height" : "width";
    checkSize(name, size[axis]);
    if (convolvedSize(size[axis], kernelSize[axis], stride[axis], padding[axis]) < 1) {
      throw new ShapeError(
        `an image of ${name} ${size[axis]}, padded by ${padding[axis]}, is smaller than the kernel of ${kernelSize[axis]}; use larger images or more padding`,
      );
    }
  }
}

function checkInput(x: Float32Array, expected: number, shape: string): void {
  if (x.length !== expected) throw new ShapeError(`input must be ${shape} (${expected} values), got ${x.length}`);
}

function byteLengthOf(planes: readonly TernaryMatrix[]): number {
  return planes.reduce((sum, plane) => sum + plane.trits.byteLength + plane.scales.byteLength, 0);
}
