/**
 * Packed weights of BitTorch: four trits a byte, first trit in the low bits, 0 → 00, +1 → 01, -1 → 10; code 11 is reserved.
 * A row takes ceil(K / 4) bytes, its tail padded with trit 0. Scales, one per row or one, are a tensor of their own.
 */
import type { Format } from "./format.ts";
import { twoBitRows } from "./two-bit-rows.ts";

/** 2 bits per weight, as BitTorch packs them. */
export const bittorch2: Format = twoBitRows(
  { id: "bittorch2", summary: "BitTorch: 2 bits, 0 +1 -1", granularities: ["per-tensor", "per-channel"] },
  { codes: [2, 0, 1], shifts: [0, 2, 4, 6] },
);
