/** The mean of each window: values added row by row, each sum rounded to float32, then times f32(1 / count). */
import { elementCount } from "../../core/shape.ts";
import { imageSizes, poolWindow, type Windows, windowsOf } from "../images.ts";
import type { Operation } from "../operation.ts";

/** `[batch, height, width, channels]` → `[batch, outHeight, outWidth, channels]`. Attributes: kernelSize, stride. */
export const averagePool: Operation = {
  id: "average-pool",
  summary: "mean of each window",
  isExact: true,
  prepare(node) {
    const window = poolWindow(node);
    return {
      run([x]) {
        const windows = windowsOf(imageSizes(x, node), window, node);
        const data = new Float32Array(elementCount(windows.shape));
        meansOf(x.data, windows, data);
        return { shape: windows.shape, data };
      },
    };
  },
};

function meansOf(x: Float32Array, { shape, imageSize, corners, offsets }: Windows, y: Float32Array): void {
  const [, , , channels] = shape;
  const inverseCount = Math.fround(1 / offsets.length);
  let at = 0;
  for (let image = 0; image < x.length; image += imageSize) {
    for (let i = 0; i < corners.length; i++) {
      const first = image + corners[i];
      for (let from = first; from < first + channels; from++, at++) {
        let sum = x[from];
        for (let pixel = 1; pixel < offsets.length; pixel++) sum = Math.fround(sum + x[from + offsets[pixel]]);
        y[at] = sum * inverseCount;
      }
    }
  }
}
