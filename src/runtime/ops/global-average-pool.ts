/** The mean of a whole image per channel: the sum of the numeric contract over its pixels, then times f32(1 / count). */
import { imageSizes } from "../images.ts";
import { sumOf } from "../lane-sums.ts";
import type { Operation } from "../operation.ts";

/** `[batch, height, width, channels]` → `[batch, channels]`. */
export const globalAveragePool: Operation = {
  id: "global-average-pool",
  summary: "mean of each channel over the image",
  isExact: true,
  prepare: (node) => ({
    run([x]) {
      const { images, height, width, channels } = imageSizes(x, node);
      const pixels = height * width;
      const inverseCount = Math.fround(1 / pixels);
      const data = new Float32Array(images * channels);
      for (let image = 0; image < images; image++) {
        for (let channel = 0; channel < channels; channel++) {
          const first = image * pixels * channels + channel;
          data[image * channels + channel] = sumOf(x.data, first, pixels, channels) * inverseCount;
        }
      }
      return { shape: [images, channels], data };
    },
  }),
};
