/** Q2_0 as the fork of ggml that had it first writes it: 128 weights in 34 bytes, else as the type of ggml. */
import type { Format } from "./format.ts";
import { q2Blocks } from "./q2-blocks.ts";

/** 2.13 bits per weight, for that fork of llama.cpp. */
export const q2_0_g128: Format = q2Blocks(
  { id: "q2_0_g128", summary: "fork of ggml: 2 bits, a scale for every 128 weights" },
  128,
  { id: "q2_0", groupSize: 64 },
);
