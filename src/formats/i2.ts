/**
 * Four trits a byte, 2 bits per weight: codes trit + 1, first trit in the low bits; code 3 does not occur.
 * A row takes ceil(K / 4) bytes, its tail padded with trit 0.
 */
import { digitFormat } from "./digit-format.ts";
import type { Format } from "./format.ts";

/** 2 bits per weight, the simplest to decode. */
export const i2: Format = digitFormat("i2", "2 bits: 4 trits a byte", 4, 4);
