/** What operations over images share: `[images, height, width, channels]`, channels last. */
import { convolvedSize } from "../backends/backend.ts";
import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import type { GraphNode } from "./graph.ts";
import { describe, type HostTensor, pairAttribute } from "./operation.ts";

/** Vertical and horizontal. */
export type Pair = readonly [number, number];

/** A window that moves over an image. */
export interface WindowGeometry {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
}

/** Sizes of a batch of images. */
export interface ImageSizes {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * Attributes stride and padding.
 *
 * @throws ShapeError when they are absent, a stride is 0 or padding reaches the kernel's size (outputs would see nothing)
 */
export function convolutionWindow(node: GraphNode, kernelSize: Pair): WindowGeometry {
  const stride = pairAttribute(node, "stride", 1);
  const padding = pairAttribute(node, "padding", 0);
  if (padding[0] >= kernelSize[0] || padding[1] >= kernelSize[1]) {
    throw new ShapeError(
      `${describe(node)} needs padding smaller than its kernel ${formatShape(kernelSize)}, got ${formatShape(padding)}`,
    );
  }
  return { kernelSize, stride, padding };
}

/** Sizes of an input of images. @throws ShapeError when it is none, or has other channels than given */
export function imageSizes({ shape }: HostTensor, node: GraphNode, expected?: number): ImageSizes {
  const [images, height, width, channels] = shape;
  if (shape.length === 4 && (expected === undefined || channels === expected)) {
    return { images, height, width, channels };
  }
  throw new ShapeError(
    `${describe(node)} needs an input of shape [batch, height, width, ${expected ?? "channels"}], got ${formatShape(shape)}`,
  );
}

/** Height and width of the output. @throws ShapeError when the window does not fit into the image */
export function windowedSize(
  { height, width }: ImageSizes,
  { kernelSize, stride, padding }: WindowGeometry,
  node: GraphNode,
): Pair {
  const outHeight = convolvedSize(height, kernelSize[0], stride[0], padding[0]);
  const outWidth = convolvedSize(width, kernelSize[1], stride[1], padding[1]);
  if (outHeight >= 1 && outWidth >= 1) return [outHeight, outWidth];
  throw new ShapeError(
    `${describe(node)} moves a window of ${formatShape(kernelSize)} over the image, got a smaller one: ${formatShape([height, width])}`,
  );
}

/** Attributes of a pool: kernelSize and stride. @throws ShapeError when they are absent or not at least 1 */
export function poolWindow(node: GraphNode): WindowGeometry {
  return {
    kernelSize: pairAttribute(node, "kernelSize", 1),
    stride: pairAttribute(node, "stride", 1),
    padding: [0, 0],
  };
}

/** Where the windows of a pool are in the values of an image. */
export interface Windows {
  /** Of the result. */
  readonly shape: readonly [number, number, number, number];
  /** Values of an image. */
  readonly imageSize: number;
  /** Of each window its first pixel, row by row. */
  readonly corners: Int32Array;
  /** Pixels of a window after its first one, row by row; the first entry is 0. */
  readonly offsets: Int32Array;
}

/** @throws ShapeError when the window does not fit into the image */
export function windowsOf(sizes: ImageSizes, window: WindowGeometry, node: GraphNode): Windows {
  const { images, height, width, channels } = sizes;
  const [outHeight, outWidth] = windowedSize(sizes, window, node);
  const { kernelSize, stride } = window;
  return {
    shape: [images, outHeight, outWidth, channels],
    imageSize: height * width * channels,
    corners: pixelsOf([outHeight, outWidth], [stride[0] * width * channels, stride[1] * channels]),
    offsets: pixelsOf(kernelSize, [width * channels, channels]),
  };
}

/** Indices of a grid of pixels, row by row. */
function pixelsOf([rows, columns]: Pair, [rowStep, columnStep]: Pair): Int32Array {
  const pixels = new Int32Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) pixels[at] = row * rowStep + column * columnStep;
  }
  return pixels;
}
