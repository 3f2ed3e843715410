/** A float32 convolution: a stem that was not made ternary. */
import { convolutionWindow, imageSizes, windowedSize } from "../images.ts";
import { floatTensor, type Operation, optionalFloatTensor } from "../operation.ts";

/**
 * `[batch, height, width, inChannels]` → `[batch, outHeight, outWidth, outChannels]`. Attributes: stride, padding. Tensors:
 * weight `[outChannels, inChannels, kernelHeight, kernelWidth]`, bias. Not exact: float sums.
 */
export const convolution: Operation = {
  id: "convolution",
  summary: "float32 convolution",
  isExact: false,
  prepare(node) {
    const { values: weight, shape } = floatTensor(node, "weight", [null, null, null, null]);
    const [outChannels, inChannels, kernelHeight, kernelWidth] = shape;
    const bias = optionalFloatTensor(node, "bias", [outChannels])?.values;
    const window = convolutionWindow(node, [kernelHeight, kernelWidth]);
    const { stride, padding } = window;
    return {
      run([x]) {
        const sizes = imageSizes(x, node, inChannels);
        const { images, height, width } = sizes;
        const [outHeight, outWidth] = windowedSize(sizes, window, node);
        const data = new Float32Array(images * outHeight * outWidth * outChannels);

        /** One output, in float64 with one rounding at the end; pixels outside the image count as 0. */
        const sumAt = (image: number, top: number, left: number, channel: number): number => {
          let sum = 0;
          for (let row = 0; row < kernelHeight; row++) {
            const y = top + row;
            if (y < 0 || y >= height) continue;
            for (let column = 0; column < kernelWidth; column++) {
              const from = left + column;
              if (from < 0 || from >= width) continue;
              const pixel = ((image * height + y) * width + from) * inChannels;
              for (let k = 0; k < inChannels; k++) {
                const at = ((channel * inChannels + k) * kernelHeight + row) * kernelWidth + column;
                sum += x.data[pixel + k] * weight[at];
              }
            }
          }
          return sum;
        };

        let at = 0;
        for (let image = 0; image < images; image++) {
          for (let row = 0; row < outHeight; row++) {
            for (let column = 0; column < outWidth; column++) {
              for (let channel = 0; channel < outChannels; channel++) {
                const sum = sumAt(image, row * stride[0] - padding[0], column * stride[1] - padding[1], channel);
                data[at++] = Math.fround(sum) + (bias ? bias[channel] : 0);
              }
            }
          }
        }
        return { shape: [images, outHeight, outWidth, outChannels], data };
      },
    };
  },
};
