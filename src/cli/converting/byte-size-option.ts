/** An option that takes an amount of bytes. */
import { UsageError } from "../../core/errors.ts";
import type { Option } from "../options.ts";

/** Decimal units as everywhere here, binary ones by their own names. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  ...{ k: 1e3, kb: 1e3, m: 1e6, mb: 1e6, g: 1e9, gb: 1e9 },
  ...{ kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 },
};

/** An option that takes bytes with a unit: `800kB`, `40MB`, `1.5GiB`. */
export function byteSizeOption(help: string): Option<number | undefined> {
  return {
    ...{ placeholder: "SIZE", help, fallback: undefined },
    parse(text, flag) {
      const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
      const factor = unit === undefined ? undefined : UNITS[unit.toLowerCase()];
      if (digits !== undefined && factor !== undefined && Number(digits) > 0)
        return Math.floor(Number(digits) * factor);
      throw new UsageError(`${flag} needs a size such as 800kB, 40MB or 1.5GB, got ${JSON.stringify(text)}`);
    },
  };
}
