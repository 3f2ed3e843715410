/**
 * Five trits a byte, 1.6 bits per weight: byte = d0 + 3·d1 + 9·d2 + 27·d3 + 81·d4 with digits d = trit + 1, first trit
 * least significant. A row takes ceil(K / 5) bytes, its tail padded with trit 0. Bytes 243 to 255 do not occur.
 */
import { digitFormat } from "./digit-format.ts";
import type { Format } from "./format.ts";

/** 1.6 bits per weight, the smallest. */
export const base3: Format = digitFormat("base3", "1.6 bits: 5 trits a byte", 3, 5);
