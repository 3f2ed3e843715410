/** The largest value of each window. */
import { imageSizes, poolWindow, reduceWindows } from "../images.ts";
import type { Operation } from "../operation.ts";

/** `[batch, height, width, channels]` → `[batch, outHeight, outWidth, channels]`; NaN wins. Attributes: kernelSize, stride. */
export const maxPool: Operation = {
  id: "max-pool",
  summary: "largest value of each window",
  isExact: true,
  prepare(node) {
    const window = poolWindow(node);
    return { run: ([x]) => reduceWindows(x, imageSizes(x, node), window, node, Math.max) };
  },
};
