/** The storage formats: the only place that names them. */
import { UnsupportedError } from "../core/errors.ts";
import { base3 } from "./base3.ts";
import { bitnetmcu } from "./bitnetmcu.ts";
import { bittorch2 } from "./bittorch2.ts";
import type { Format } from "./format.ts";
import { hfBase3 } from "./hf-base3.ts";
import { hfBitnet } from "./hf-bitnet.ts";
import { i2 } from "./i2.ts";
import { i2S } from "./i2-s.ts";
import { og2 } from "./og2.ts";
import { q2_0 } from "./q2-0.ts";
import { q2_0_g128 } from "./q2-0-g128.ts";
import { tq1_0 } from "./tq1-0.ts";
import { tq2_0 } from "./tq2-0.ts";

export type { Format, MatrixScales } from "./format.ts";

/** Every format, the default first. */
export const formats: readonly Format[] = [
  base3,
  i2,
  tq1_0,
  tq2_0,
  q2_0,
  q2_0_g128,
  i2S,
  hfBitnet,
  bittorch2,
  og2,
  hfBase3,
  bitnetmcu,
];

/** Formats of model files, which store one scale, or one per row, beside the bytes of any matrix; the default first. */
export const modelFormats: readonly Format[] = formats.filter(
  ({ scales, granularities }) =>
    scales === "beside" && granularities.includes("per-tensor") && granularities.includes("per-channel"),
);

/**
 * The format of a name.
 *
 * @throws UnsupportedError listing the names there are
 */
export function formatById(id: string): Format {
  const format = formats.find((candidate) => candidate.id === id);
  if (format) return format;
  throw new UnsupportedError(`there is no format ${JSON.stringify(id)}; choose one of: ${namesOf(formats)}`);
}

/**
 * The format of a name, for a model file.
 *
 * @throws UnsupportedError listing the formats of model files, where the format is unknown or none of them
 */
export function modelFormatById(id: string): Format {
  const format = modelFormats.find((candidate) => candidate.id === id);
  if (format) return format;
  const problem = formats.some((candidate) => candidate.id === id)
    ? `model files cannot hold the format ${JSON.stringify(id)}: they store one scale, or one per row, beside the bytes`
    : `there is no format ${JSON.stringify(id)}`;
  throw new UnsupportedError(`${problem}; choose one of: ${namesOf(modelFormats)}`);
}

function namesOf(some: readonly Format[]): string {
  return some.map(({ id }) => id).join(", ");
}
