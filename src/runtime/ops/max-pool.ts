/** The largest value of each window. */
import { imageSizes, poolWindow, reduceWindows } from "../images.ts";
import type { Operation } from "../operation.ts";

/**
 * `[batch, height, width, channels]` → `[batch, outHeight, outWidth, channels]`; NaN wins, and -0 becomes 0. Attributes:
 * kernelSize, stride.
 */
export const maxPool: Operation = {
  id: "max-pool",
  summary: "largest value of each window",
  isExact: true,
  prepare(node) {
    const window = poolWindow(node);
    return {
      run([x]) {
        const { shape, data } = reduceWindows(x, imageSizes(x, node), window, node, Math.max);
        return { shape, data: data.map((largest) => largest + 0) };
      },
    };
  },
};
