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

/** Combines the pixels of each window channel by channel, row by row from its first pixel, rounding to float32 each time. */
export function reduceWindows(
  x: HostTensor,
  sizes: ImageSizes,
  window: WindowGeometry,
  node: GraphNode,
  combine: (combined: number, value: number) => number,
): HostTensor {
  const { images, height, width, channels } = sizes;
  const { kernelSize, stride } = window;
  const [outHeight, outWidth] = windowedSize(sizes, window, node);
  const data = new Float32Array(images * outHeight * outWidth * channels);
  let at = 0;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        const corner = ((image * height + row * stride[0]) * width + column * stride[1]) * channels;
        for (let channel = 0; channel < channels; channel++, at++) {
          for (let y = 0; y < kernelSize[0]; y++) {
            for (let from = 0; from < kernelSize[1]; from++) {
              const value = x.data[corner + (y * width + from) * channels + channel];
              data[at] = y + from === 0 ? value : combine(data[at], value); // a store to float32 rounds
            }
          }
        }
      }
    }
  }
  return { shape: [images, outHeight, outWidth, channels], data };
}
