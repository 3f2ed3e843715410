/** One vector per sample; images in PyTorch's order, so that its linear weights fit. */
import { elementCount } from "../../core/shape.ts";
import type { HostTensor, Operation } from "../operation.ts";

/** `[batch, height, width, channels]` → `[batch, channels · height · width]`, channel by channel; other ranks as they lie. */
export const flatten: Operation = {
  id: "flatten",
  summary: "one vector per sample",
  isExact: true,
  prepare: () => ({
    handsOn: true,
    run([x]) {
      const shape = [x.shape[0], elementCount(x.shape.slice(1))];
      return { shape, data: x.shape.length === 4 ? channelsFirst(x) : x.data };
    },
  }),
};

function channelsFirst({ shape, data }: HostTensor): Float32Array {
  const [images, height, width, channels] = shape;
  const pixels = height * width;
  const moved = new Float32Array(data.length);
  for (let image = 0, at = 0; image < images; image++) {
    const start = image * pixels * channels;
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0, from = start + channel; pixel < pixels; pixel++, from += channels) moved[at++] = data[from];
    }
  }
  return moved;
}
