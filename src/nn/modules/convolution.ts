/** What the float and the ternary convolution share: sizes, their description, patches times a matrix. */
import { ShapeError } from "../../core/errors.ts";
import { concatenate, type Tensor } from "../../tensor/index.ts";
import { everyNth, formatPair, type Pair, pairOf, type WindowGeometry } from "./images.ts";

/** A convolution's window and channels. */
export interface ConvolutionSizes extends WindowGeometry {
  readonly inChannels: number;
  readonly outChannels: number;
}

/** Lengths of dot products that the engine vectorises are multiples of this. */
const VECTOR = 4;

/**
 * Completes the geometry of a convolution.
 *
 * @throws ShapeError for sizes that are not whole numbers in their range; padding must be smaller than the kernel
 */
export function convolutionGeometry(
  kernelSize: number | Pair,
  options: { stride?: number | Pair; padding?: number | Pair },
): WindowGeometry {
  const geometry = {
    kernelSize: pairOf("kernelSize", kernelSize),
    stride: pairOf("stride", options.stride ?? 1),
    padding: pairOf("padding", options.padding ?? 0, 0),
  };
  for (const axis of [0, 1]) {
    if (geometry.padding[axis] >= geometry.kernelSize[axis]) {
      throw new ShapeError(
        `padding must be smaller than the kernel (${formatPair(geometry.kernelSize)}), got ${formatPair(geometry.padding)}`,
      );
    }
  }
  return geometry;
}

/**
 * Sums of products of patches and kernel, `[B, H, W, inChannels]` → `[B · outH · outW, outChannels]`; zeros outside the
 * image. The order of the sums is the engine's.
 *
 * Patches are made of what one row of the kernel sees, and each row has a product of its own: that copies every pixel as
 * often as the kernel is wide, where whole patches would copy it as often as the kernel has cells.
 *
 * @param kernel `[outChannels, inChannels, kernelH, kernelW]`, as PyTorch has it
 */
export function convolve(x: Tensor, kernel: Tensor, geometry: WindowGeometry, [outH, outW]: Pair): Tensor {
  const { kernelSize, stride, padding } = geometry;
  const outChannels = kernel.shape[0];
  const image = withStoredGradient(x);
  const isPadded = padding[0] > 0 || padding[1] > 0;
  const padded = isPadded ? image.pad([0, padding[0], padding[1], 0].map((width) => [width, width])) : image;
  const columns = Array.from({ length: kernelSize[1] }, (_, column) => everyNth(padded, 2, column, outW, stride[1]));
  const seenByRow = inVectors(concatenate(columns, 3));
  const kernelRows = inVectors(kernel.transpose([2, 0, 3, 1]).reshape([kernelSize[0], outChannels, -1]));
  return Array.from({ length: kernelSize[0] }, (_, row) => {
    const patches = stored(everyNth(seenByRow, 1, row, outH, stride[0]));
    const matrix = stored(kernelRows.slice(0, row, row + 1));
    const length = matrix.shape[2];
    return patches.reshape([-1, length]).matmul(matrix.reshape([outChannels, length]).transpose());
  }).reduce((sum, next) => sum.add(next));
}

/** Attributes of a deployed convolution. */
export function convolutionAttributes({ inChannels, kernelSize, stride, padding }: ConvolutionSizes): {
  inChannels: number;
  kernelSize: number[];
  stride: number[];
  padding: number[];
} {
  return { inChannels, kernelSize: [...kernelSize], stride: [...stride], padding: [...padding] };
}

/** `1 → 16, 3×3`, with stride and padding where they are not the default. */
export function describeConvolution({
  inChannels,
  outChannels,
  kernelSize,
  stride,
  padding,
}: ConvolutionSizes): string {
  const step = stride.some((size) => size !== 1) ? `, stride ${formatPair(stride)}` : "";
  const zeros = padding.some((size) => size !== 0) ? `, padding ${formatPair(padding)}` : "";
  return `${inChannels} → ${outChannels}, ${formatPair(kernelSize)}${step}${zeros}`;
}

/** The same values in memory of their own: the engine multiplies those ten times faster than slices and transposed views. */
function stored(view: Tensor): Tensor {
  return view.mul(1);
}

/**
 * The same values. Their gradient, here a sum of shifted pieces, is stored once instead of being added up anew wherever it is
 * read: that of broadcasting is a sum, which the engine always stores.
 */
function withStoredGradient(x: Tensor): Tensor {
  return x.mul(x.constant(1).reshape([1, ...x.shape.map(() => 1)])).reshape(x.shape);
}

/** Zeros after the last axis, up to a multiple of what the engine multiplies at once. */
function inVectors(x: Tensor): Tensor {
  const missing = (VECTOR - (x.shape[x.shape.length - 1] % VECTOR)) % VECTOR;
  return missing === 0 ? x : x.pad(x.shape.map((_, axis) => [0, axis === x.shape.length - 1 ? missing : 0]));
}
