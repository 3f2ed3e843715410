/** Checks that every backend makes before its kernels, which make none. */
import { type ActivationRule, activationRule } from "../activation-rules/index.ts";
import { ShapeError, UnsupportedError, UsageError } from "../core/errors.ts";
import { checkUngrouped } from "../core/regroup.ts";
import { checkSize } from "../core/shape.ts";
import { checkTernaryMatrix, MAX_IN_FEATURES, type MatrixShape } from "../core/ternary-matrix.ts";
import { checkTernaryRows, type TernaryWeights } from "../core/ternary-rows.ts";
import { type Backend, type ConvolutionGeometry, convolvedSize, type LayerOptions } from "./backend.ts";

/**
 * Checks what a layer is made of.
 *
 * @throws ShapeError when planes and bias do not fit together, UnsupportedError for a kernel or activation that is not there,
 *   and for scales of groups within rows
 */
export function checkLayer(
  planes: readonly TernaryWeights[],
  options: LayerOptions,
  { id, kernels }: Pick<Backend, "id" | "kernels">,
): ActivationRule {
  if (planes.length === 0) throw new ShapeError("a ternary layer needs at least one plane of weights, got none");
  for (const plane of planes) {
    checkPlane(plane);
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
  if (options.kernel !== undefined && !kernels.includes(options.kernel)) {
    throw new UnsupportedError(
      `the ${id} backend has no kernel ${JSON.stringify(options.kernel)}; it has: ${kernels.join(", ")}`,
    );
  }
  return activationRule(options.activation);
}

function checkPlane(plane: TernaryWeights): void {
  if (!("trits" in plane)) {
    checkTernaryRows(plane);
    return;
  }
  checkTernaryMatrix(plane);
  checkUngrouped(plane);
}

/** @throws ShapeError for a geometry that is none, or one that the rows of the planes do not fit */
export function checkGeometry(
  planes: readonly MatrixShape[],
  { inChannels, kernelSize, stride, padding }: ConvolutionGeometry,
): void {
  checkSize("inChannels", inChannels);
  for (const axis of [0, 1]) {
    checkSize("kernelSize", kernelSize[axis]);
    checkSize("stride", stride[axis]);
    checkSize("padding", padding[axis], 0);
  }
  const [{ inFeatures }] = planes;
  const patchSize = inChannels * kernelSize[0] * kernelSize[1];
  if (inFeatures === patchSize) return;
  throw new ShapeError(
    `a ${kernelSize[0]} x ${kernelSize[1]} kernel over ${inChannels} channels needs rows of ${patchSize} weights, got ${inFeatures}`,
  );
}

/** Checks the rows that a linear layer is given. @throws ShapeError when `x` is not `[m, inFeatures]` */
export function checkRows(x: Float32Array, m: number, inFeatures: number): void {
  checkSize("m", m, 0);
  checkInput(x, m * inFeatures, `[${m}, ${inFeatures}]`);
}

/**
 * Checks the images that a convolution is given.
 *
 * @throws ShapeError when `x` is not `[images, height, width, inChannels]`, or an image is smaller than the kernel
 */
export function checkImages(
  x: Float32Array,
  geometry: ConvolutionGeometry,
  [images, height, width]: readonly [number, number, number],
): void {
  checkSize("images", images, 0);
  checkImageSize(geometry, [height, width]);
  const { inChannels } = geometry;
  checkInput(x, images * height * width * inChannels, `[${images}, ${height}, ${width}, ${inChannels}]`);
}

/**
 * Checks where a caller wants the outputs, if it said so.
 *
 * @throws ShapeError when `y` has another length, UsageError when it is no Float32Array or shares memory with `x`
 */
export function checkOutput(y: Float32Array | undefined, x: Float32Array, expected: number): void {
  if (y === undefined) return;
  if (!(y instanceof Float32Array)) throw new UsageError("the array for the output must be a Float32Array");
  if (y.length !== expected)
    throw new ShapeError(`the array for the output must hold ${expected} values, got ${y.length}`);
  const isApart = y.byteOffset >= x.byteOffset + x.byteLength || x.byteOffset >= y.byteOffset + y.byteLength;
  if (y.buffer === x.buffer && !isApart) throw new UsageError("the arrays for input and output share memory; pass two");
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
