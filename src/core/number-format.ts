/** Numbers as a person reads them; what is not finite reads "n/a". */

const NOT_A_NUMBER = "n/a";
const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** How a quantity is shown; `"percent"` shows a fraction as percent. */
export type NumberStyle = "number" | "percent" | "bytes";

/** A value on its own, such as the one a tooltip shows. */
export function formatValue(value: number, style: NumberStyle = "number"): string {
  if (style === "percent") return formatPercent(value, 2);
  return style === "bytes" ? formatBytes(value) : formatSignificant(value, 4);
}

/** A whole number with thousands separated: `200,704`. */
export function formatCount(count: number): string {
  return Number.isFinite(count) ? withMinus(Math.round(count).toLocaleString("en-US")) : NOT_A_NUMBER;
}

/** A number with a given count of significant digits: `0.0312`, `1.2e-7`. */
export function formatSignificant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return NOT_A_NUMBER;
  const rounded = Number(value.toPrecision(digits));
  const magnitude = Math.abs(rounded);
  const isPlain = magnitude === 0 || (magnitude >= 1e-4 && magnitude < 1e6);
  return withMinus(isPlain ? rounded.toLocaleString("en-US", { maximumFractionDigits: 12 }) : rounded.toExponential());
}

/** A fraction as percent: 0.9812 gives `98.1%`, and with two decimals `98.12%`. */
export function formatPercent(fraction: number, decimals = 1): string {
  return Number.isFinite(fraction) ? withMinus(`${(fraction * 100).toFixed(decimals)}%`) : NOT_A_NUMBER;
}

/** Bytes with three significant digits in decimal units (1 kB = 1000 B): `812 B`, `44.9 kB`, `3.37 MB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return NOT_A_NUMBER;
  let value = Number(bytes.toPrecision(3));
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return withMinus(`${Number(value.toPrecision(3)).toLocaleString("en-US")} ${BYTE_UNITS[unit]}`);
}

/** How many times larger one amount is than another: `19.8×`. */
export function formatRatio(larger: number, smaller: number): string {
  const ratio = larger / smaller;
  return Number.isFinite(ratio) ? `${ratio.toFixed(1)}×` : NOT_A_NUMBER;
}

/** A duration in the unit that suits it: `41.2 µs`, `8.1 ms`, `12.3 s`, `2 min 05 s`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return NOT_A_NUMBER;
  const magnitude = Math.abs(seconds);
  if (magnitude === 0) return "0 s";
  if (magnitude < 0.9995e-3) return `${formatSignificant(seconds * 1e6)} µs`;
  if (magnitude < 0.9995) return `${formatSignificant(seconds * 1e3)} ms`;
  if (magnitude < 59.95) return `${formatSignificant(seconds)} s`;
  const whole = Math.round(magnitude);
  const rest = String(whole % 60).padStart(2, "0");
  return withMinus(`${seconds < 0 ? "-" : ""}${formatCount(Math.floor(whole / 60))} min ${rest} s`);
}

/** Replaces a leading hyphen by the minus sign, which is as wide as a digit. */
function withMinus(text: string): string {
  return text
    .replace(/^-/, "−")
    .replace("e-", "e−")
    .replace(/^−(0(\.0*)?%?)$/, "$1");
}
