/** What the float and the ternary convolution share: sizes, their description, the kernel as a matrix. */
import { ShapeError } from "../core/errors.ts";
import type { Tensor } from "../tensor/index.ts";
import { formatPair, type Pair, pairOf, type WindowGeometry } from "./images.ts";

/** A convolution's window and channels. */
export interface ConvolutionSizes extends WindowGeometry {
  readonly inChannels: number;
  readonly outChannels: number;
}

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

/** PyTorch's kernel `[outChannels, inChannels, kernelH, kernelW]` as the matrix that meets patches: `[kernelH · kernelW · inChannels, outChannels]`. */
export function kernelMatrix(kernel: Tensor): Tensor {
  return kernel.transpose([2, 3, 1, 0]).reshape([-1, kernel.shape[0]]);
}

/** Geometry as attributes of a deployed convolution. */
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
