/** Q2_0 of ggml: 64 weights in 18 bytes, the scale first; codes trit + 1, four a byte, the first in the low bits. */
import type { Format } from "./format.ts";
import { q2Blocks } from "./q2-blocks.ts";

/** 2.25 bits per weight, for llama.cpp. */
export const q2_0: Format = q2Blocks({ id: "q2_0", summary: "ggml: 2 bits, a scale for every 64 weights" }, 64, {
  id: "q2_0_g128",
  groupSize: 128,
});
