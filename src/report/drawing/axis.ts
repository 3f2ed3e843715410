/** Axes: from data to a padded domain, ticks at round numbers and pixel positions. */
import { scaleLinear, scaleLog } from "d3-scale";
import { formatBytes, formatCount, formatSignificant, type NumberStyle } from "../../core/number-format.ts";

/** What an axis measures and how. */
export interface AxisOptions {
  /** What is measured, with its unit: `"time (s)"`. */
  label: string;
  /** Default `"number"`; `"percent"` shows fractions as percent. */
  numbers?: NumberStyle;
  /** Logarithmic; only positive values can be drawn. */
  isLog?: boolean;
  /** Ticks at whole numbers only, such as epochs; the domain is not rounded. */
  isWhole?: boolean;
  /** The domain ends at the smallest and largest value, not at the round numbers beyond them. */
  isTight?: boolean;
  /** The domain includes zero. */
  includesZero?: boolean;
  /** Padding and rounding of the domain stop here; values beyond still widen it. */
  limits?: readonly [number, number];
}

/** A mark on an axis. */
export interface Tick {
  /** In pixels. */
  position: number;
  label: string;
}

/** An axis laid out over a range of pixels. */
export interface Axis {
  label: string;
  domain: readonly [number, number];
  ticks: readonly Tick[];
  /** Pixel of a value; values outside the domain land outside the range. */
  position(value: number): number;
}

/** Largest magnitude that is drawn; sums and differences of such values stay far from the limits of a double. */
const LARGEST = 1e150;

/** Whether a value has a place on an axis: finite, and positive when the axis is logarithmic. */
export function canDraw(value: number, isLog = false): boolean {
  return Math.abs(value) <= LARGEST && (!isLog || value >= 1 / LARGEST);
}

/**
 * Lays out an axis over `pixels` (first to last) for the values that can be drawn; a constant or absent value gets a
 * padded domain, so that every axis has a length.
 */
export function layOutAxis(values: Iterable<number>, pixels: readonly [number, number], options: AxisOptions): Axis {
  const isLog = options.isLog ?? false;
  const isWhole = options.isWhole ?? false;
  const drawable = [...values].filter((value) => canDraw(value, isLog));
  if (options.includesZero && !isLog) drawable.push(0);
  const [low, high] = extent(drawable) ?? options.limits ?? [isLog ? 0.1 : 0, 1];

  const length = Math.abs(pixels[1] - pixels[0]);
  const tickCount = Math.max(
    2,
    Math.round(length / (isWhole ? 36 : PIXELS_PER_TICK[pixels[0] < pixels[1] ? "x" : "y"])),
  );

  const scale = isLog ? scaleLog() : scaleLinear();
  scale.domain(isLog ? padLog(low, high) : pad(low, high, options.includesZero ?? false)).range([...pixels]);
  if (!isWhole && !isLog && !options.isTight) scale.nice(tickCount);
  if (options.limits) scale.domain(clampToLimits(scale.domain(), [low, high], options.limits));

  const [first, last] = scale.domain();
  const roundValues = isLog ? logTicks(scale.ticks(tickCount), first, last) : scale.ticks(tickCount);
  const tickValues = isWhole ? roundValues.filter(Number.isInteger) : roundValues;
  const format =
    options.numbers === "bytes"
      ? formatBytes
      : options.numbers === "percent"
        ? scale.tickFormat(tickCount, "%")
        : isLog
          ? formatSignificant
          : numberFormat(tickValues, isWhole ? formatCount : scale.tickFormat(tickCount));
  const ticks = tickValues.map((value) => ({ position: scale(value), label: format(value) }));

  return { label: options.label, domain: [first, last], ticks, position: (value) => scale(value) };
}

/** Room for a number beside the next (x) and for lines of text above each other (y). */
const PIXELS_PER_TICK = { x: 70, y: 45 };

function extent(values: readonly number[]): [number, number] | undefined {
  if (values.length === 0) return undefined;
  let low = values[0];
  let high = values[0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Widens a domain that is a point, or so narrow that round numbers between its ends run out of digits. */
function pad(low: number, high: number, includesZero: boolean): [number, number] {
  if (includesZero && low === high) return [0, 1];
  const magnitude = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > magnitude * 1e-9 && high - low > 1 / LARGEST) return [low, high];
  const padding = magnitude > 1 / LARGEST ? magnitude / 10 : 1;
  return [low - padding, high + padding];
}

function padLog(low: number, high: number): [number, number] {
  const padding = high / low > 1.0001 ? 1.1 : 2;
  return [low / padding, high * padding];
}

function clampToLimits(
  domain: readonly number[],
  data: readonly [number, number],
  limits: readonly [number, number],
): [number, number] {
  return [Math.max(domain[0], Math.min(limits[0], data[0])), Math.min(domain[1], Math.max(limits[1], data[1]))];
}

/** Thins the ticks of a logarithmic axis: all of them within a decade, then 1-2-5, then powers of ten. */
function logTicks(ticks: readonly number[], first: number, last: number): readonly number[] {
  const decades = Math.log10(last / first);
  const kept = decades > 3 ? [1] : decades > 1 ? [1, 2, 5] : undefined;
  const thinned = kept ? ticks.filter((tick) => kept.includes(Number(tick.toExponential().split("e")[0]))) : ticks;
  return thinned.length >= 2 ? thinned : ticks;
}

/** Labels of one axis share their unit: 0, 5k, 10k or 0.0, 0.5, 1.0. */
function numberFormat(ticks: readonly number[], fixedDecimals: (value: number) => string): (value: number) => string {
  const largest = Math.max(0, ...ticks.map(Math.abs));
  const isExtreme = largest >= 1e12 || (largest > 0 && largest < 1e-4);
  if (isExtreme) return (value) => formatSignificant(value, 12);
  if (largest < 1e4) return fixedDecimals;
  const [divisor, suffix] = largest < 1e6 ? [1e3, "k"] : largest < 1e9 ? [1e6, "M"] : [1e9, "G"];
  return (value) => (value === 0 ? "0" : `${formatSignificant(value / divisor, 12)}${suffix}`);
}
