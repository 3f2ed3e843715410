/** An option that takes a number from 0 on. */
import { UsageError } from "../../core/errors.ts";
import type { Option } from "../options.ts";

/** An option that takes a number of at least 0. */
export function nonNegativeOption(placeholder: string, help: string, fallback: number): Option<number> {
  return {
    ...{ placeholder, help, fallback },
    parse(text, flag) {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (value >= 0 && Number.isFinite(value)) return value;
      throw new UsageError(`${flag} needs a number of at least 0, got ${JSON.stringify(text)}`);
    },
  };
}
