/** Convolution by plain loops over patches. */
import { type ConvolutionGeometry, convolvedSize } from "../backend.ts";
import { checkOutput } from "../layer-checks.ts";
import { type PlainLayer, plainToken } from "./linear.ts";

/**
 * `x` is `[images, height, width, inChannels]`, the result `[images, outHeight, outWidth, outChannels]`, in `y` where it is
 * given.
 */
export function plainConvolution(
  layer: PlainLayer,
  geometry: ConvolutionGeometry,
  x: Float32Array,
  [images, height, width]: readonly [number, number, number],
  y?: Float32Array,
): Float32Array {
  const [{ outFeatures: outChannels, inFeatures: patchSize }] = layer.planes;
  const outHeight = convolvedSize(height, geometry.kernelSize[0], geometry.stride[0], geometry.padding[0]);
  const outWidth = convolvedSize(width, geometry.kernelSize[1], geometry.stride[1], geometry.padding[1]);
  const imageSize = height * width * geometry.inChannels;
  const length = images * outHeight * outWidth * outChannels;
  checkOutput(y, x, length);
  const outputs = y ?? new Float32Array(length);
  const codes = new Float32Array(imageSize);
  const patch = new Float32Array(patchSize);
  for (let image = 0; image < images; image++) {
    const codeScale = layer.rule.encode(x.subarray(image * imageSize, (image + 1) * imageSize), codes);
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        readPatch(codes, geometry, [height, width], row, column, patch);
        const start = ((image * outHeight + row) * outWidth + column) * outChannels;
        plainToken(layer, patch, codeScale, outputs.subarray(start, start + outChannels));
      }
    }
  }
  return outputs;
}

/** The codes under the kernel at one output position, ordered channel, row, column; zero outside the image. */
function readPatch(
  codes: Float32Array,
  { inChannels, kernelSize, stride, padding }: ConvolutionGeometry,
  [height, width]: readonly [number, number],
  outRow: number,
  outColumn: number,
  patch: Float32Array,
): void {
  let k = 0;
  for (let channel = 0; channel < inChannels; channel++) {
    for (let kernelRow = 0; kernelRow < kernelSize[0]; kernelRow++) {
      const row = outRow * stride[0] + kernelRow - padding[0];
      for (let kernelColumn = 0; kernelColumn < kernelSize[1]; kernelColumn++) {
        const column = outColumn * stride[1] + kernelColumn - padding[1];
        const isInside = row >= 0 && row < height && column >= 0 && column < width;
        patch[k++] = isInside ? codes[(row * width + column) * inChannels + channel] : 0;
      }
    }
  }
}
