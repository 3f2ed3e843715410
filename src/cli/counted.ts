/** Counts of things. */
import { formatCount } from "../core/number-format.ts";

/** `1 sample`, `2,000 samples`, for a noun whose plural adds an s. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
