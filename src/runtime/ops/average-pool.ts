/** The mean of each window: values added row by row, each sum rounded to float32, then times f32(1 / count). */
import { imageSizes, poolWindow, reduceWindows } from "../images.ts";
import type { Operation } from "../operation.ts";

/** `[batch, height, width, channels]` → `[batch, outHeight, outWidth, channels]`. Attributes: kernelSize, stride. */
export const averagePool: Operation = {
  id: "average-pool",
  summary: "mean of each window",
  isExact: true,
  prepare(node) {
    const window = poolWindow(node);
    const inverseCount = Math.fround(1 / (window.kernelSize[0] * window.kernelSize[1]));
    return {
      run([x]) {
        const { shape, data } = reduceWindows(x, imageSizes(x, node), window, node, (a, b) => a + b);
        return { shape, data: data.map((sum) => sum * inverseCount) };
      },
    };
  },
};
