/** The storage formats: the only place that names them. */
import { UnsupportedError } from "../core/errors.ts";
import { base3 } from "./base3.ts";
import type { Format } from "./format.ts";
import { i2 } from "./i2.ts";

export type { Format } from "./format.ts";

/** Every format, the default first. */
export const formats: readonly Format[] = [base3, i2];

/**
 * The format of a name.
 *
 * @throws UnsupportedError listing the names there are
 */
export function formatById(id: string): Format {
  const format = formats.find((candidate) => candidate.id === id);
  if (format) return format;
  throw new UnsupportedError(
    `there is no format ${JSON.stringify(id)}; choose one of: ${formats.map(({ id }) => id).join(", ")}`,
  );
}
