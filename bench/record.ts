/** A measurement with what one must know to believe it, as a line for machines and as a row for people. */
import { medianOf } from "../src/cli/bench/timing.ts";
import { formatTable } from "../src/core/text-table.ts";
import type { Measurement, Target } from "./bench-case.ts";
import type { Machine } from "./machine.ts";

/** One figure, where and when it was measured. */
export interface BenchRecord extends Measurement, Machine {
  /** Id of the case. */
  readonly bench: string;
  /** Whether the run was a short one, whose figures mean nothing. */
  readonly isQuick: boolean;
  readonly median: number;
  /** Smallest and largest sample. */
  readonly spread: readonly [number, number];
  /** Whether the median reaches the target; absent without one. */
  readonly isReached?: boolean;
  /** When, as ISO 8601. */
  readonly date: string;
}

/** Completes a measurement. */
export function recordOf(bench: string, isQuick: boolean, measurement: Measurement, machine: Machine): BenchRecord {
  const { samples, target } = measurement;
  const median = medianOf(samples);
  return {
    bench,
    isQuick,
    ...measurement,
    median,
    spread: [Math.min(...samples), Math.max(...samples)],
    ...(target && { isReached: reaches(median, target) }),
    ...machine,
    date: new Date().toISOString(),
  };
}

/** Records as a table. */
export function formatRecords(records: readonly BenchRecord[]): string {
  return formatTable({
    heading: ["bench", "figure", "median", "unit", "lowest", "highest", "samples", "target", ""],
    alignments: ["left", "left", "right", "left", "right", "right", "right", "left", "left"],
    rows: records.map(({ bench, name, median, unit, spread: [lowest, highest], samples, target, isReached }) => [
      bench,
      name,
      formatFigure(median),
      unit,
      ...(samples.length > 1 ? [formatFigure(lowest), formatFigure(highest)] : ["", ""]),
      String(samples.length),
      target ? formatTarget(target) : "",
      isReached === undefined ? "" : isReached ? "reached" : "missed",
    ]),
  });
}

function reaches(value: number, target: Target): boolean {
  return "atMost" in target ? value <= target.atMost : value >= target.atLeast;
}

function formatTarget(target: Target): string {
  return "atMost" in target ? `at most ${formatFigure(target.atMost)}` : `at least ${formatFigure(target.atLeast)}`;
}

/** Four significant digits, whole numbers in full. */
function formatFigure(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return value
    .toPrecision(4)
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "");
}
