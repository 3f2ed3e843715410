/** The files that a run of the kernels leaves. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../src/files/node-files.ts";
import { readMachine } from "../machine.ts";
import { type KernelResults, kernelReport, latencyChart, memoryChart } from "./kernel-report.ts";

/**
 * Writes `kernels.jsonl` (the ceilings, then a line for each record with its samples), the report `kernels.html`, and its
 * pictures of the last shape, `latency.svg`, and of all, `memory.svg`.
 *
 * @param samples of each record
 * @returns the path of the report
 */
export async function writeResults(
  directory: string,
  results: Omit<KernelResults, "machine" | "date">,
  samples: readonly (readonly number[])[],
  isQuick: boolean,
): Promise<string> {
  const machine = await readMachine();
  const date = new Date();
  const { ceilings, records, shapes } = results;
  const lines = [
    { ceilings, isQuick, ...machine, date },
    ...records.map((record, i) => ({ ...record, samples: samples[i], isQuick, ...machine, date })),
  ];
  const all = { ...results, machine, date };
  const [shape] = shapes.toReversed();
  const most = Math.max(...ceilings.map(({ threads }) => threads));
  const report = join(directory, "kernels.html");
  await mkdir(directory, { recursive: true });
  const write = (path: string, text: string) => writeFileAtomic(path, new TextEncoder().encode(text));
  await write(join(directory, "kernels.jsonl"), `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
  await write(report, kernelReport(all));
  await write(join(directory, "latency.svg"), latencyChart(all, shape, most, "warm"));
  await write(join(directory, "memory.svg"), memoryChart(all));
  return report;
}
