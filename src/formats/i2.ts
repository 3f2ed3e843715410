/**
 * Four trits a byte, 2 bits per weight: codes trit + 1, first trit in the low bits; code 3 does not occur.
 * A row takes ceil(K / 4) bytes, its tail padded with trit 0.
 */
import type { Format } from "./format.ts";
import { twoBitRows } from "./two-bit-rows.ts";

/** 2 bits per weight, the simplest to decode. */
export const i2: Format = twoBitRows(
  { id: "i2", summary: "2 bits: 4 trits a byte", granularities: ["per-tensor", "per-channel", "per-group"] },
  { codes: [0, 1, 2], shifts: [0, 2, 4, 6] },
);
