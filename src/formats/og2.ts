/**
 * Packed weights of OliverGrainge/bitlinear: four trits a byte, codes trit + 1, first trit in the high bits; code 3 does not
 * occur. That program takes rows of a multiple of four weights only; other rows end in a byte padded with trit 0. It has one
 * scale for the matrix, a tensor of its own.
 */
import type { Format } from "./format.ts";
import { twoBitRows } from "./two-bit-rows.ts";

/** 2 bits per weight, first trit in the high bits. */
export const og2: Format = twoBitRows(
  { id: "og2", summary: "OliverGrainge/bitlinear: 2 bits, first trit high", granularities: ["per-tensor"] },
  { codes: [0, 1, 2], shifts: [6, 4, 2, 0] },
);
