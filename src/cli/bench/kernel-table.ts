/** Figures of kernels as a table for a terminal. */
import { formatDuration, formatPercent } from "../../core/number-format.ts";
import { formatTable } from "../../core/text-table.ts";
import type { KernelRecord } from "./kernel-record.ts";

const NONE = "–";

/** Lines for the kernels and columns for the batches, in the order in which they are met: time, and share of the ceiling. */
export function kernelTable(records: readonly KernelRecord[]): string {
  const columns = distinct(records.map(columnOf));
  return formatTable({
    heading: ["backend", "kernel", ...columns],
    alignments: ["left", "left", ...columns.map(() => "right" as const)],
    rows: distinct(records.map(rowOf)).map((row) => {
      const ofRow = records.filter((record) => rowOf(record) === row);
      const [{ backend, kernel }] = ofRow;
      return [backend, kernel, ...columns.map((column) => cell(ofRow.find((record) => columnOf(record) === column)))];
    }),
  });
}

/** `1 thread`, `2 threads` */
export function describeThreads(count: number): string {
  return count === 1 ? "1 thread" : `${count} threads`;
}

function rowOf({ backend, kernel }: KernelRecord): string {
  return `${backend} ${kernel}`;
}

function columnOf({ m, mode }: KernelRecord): string {
  return `M = ${m}, ${mode}`;
}

function cell(record: KernelRecord | undefined): string {
  if (record === undefined) return NONE;
  const { microseconds, shareOfCeiling } = record;
  const share = shareOfCeiling === null ? NONE : formatPercent(shareOfCeiling, 0);
  return `${formatDuration(microseconds / 1e6)} ${share.padStart(4)}`;
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
