/** `bitlinear inspect` of files of tensors. */
import { openCheckpoint } from "../../convert/checkpoints/index.ts";
import {
  type CheckpointInspection,
  inspectCheckpoint,
  type TensorInspection,
} from "../../convert/inspect-checkpoint.ts";
import { sampleCheckpoint } from "../../convert/sample-layers.ts";
import { formatBytes, formatCount, formatPercent, formatSignificant } from "../../core/number-format.ts";
import { formatShape } from "../../core/shape.ts";
import { formatTable } from "../../core/text-table.ts";
import { visibleText } from "../../core/visible-text.ts";
import { checkpointReport } from "../../report/checkpoint-report.ts";
import { saveReport } from "../../report/save-report.ts";
import type { CommandContext } from "../commands/command.ts";
import { counted } from "../counted.ts";
import { EXIT_CODES } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import type { Output } from "../output.ts";
import { checkTargets } from "../target-files.ts";
import type { InspectOptions } from "./inspect-file.ts";

/** Prints what a file of tensors holds. @returns the exit code */
export async function inspectCheckpointFile(
  path: string,
  { report, linearClass }: InspectOptions,
  { output }: CommandContext,
): Promise<number> {
  await checkTargets({ "--report": report }, { MODEL: path });
  return await interruptible(output, async (signal) => {
    try {
      await using checkpoint = await openCheckpoint(path, { linearClass });
      const inspection = await inspectCheckpoint(checkpoint, signal);
      const { texts, file } = checkpoint;
      output.emit({ model: file, ...inspection, metadata: texts });
      output.print(`${output.paint("bold", path)}: ${inspection.description}\n`);
      output.print(`${tensorTable(inspection)}\n`);
      printSummary(inspection, texts, output);
      if (report !== undefined) {
        const samples = await sampleCheckpoint(checkpoint);
        await saveReport(report, checkpointReport({ file: path, inspection, samples }));
        output.print(`report: ${report}`);
      }
      return 0;
    } catch (error) {
      if (!signal.aborted) throw error;
      return EXIT_CODES.interrupted;
    }
  });
}

function tensorTable({ tensors, total }: CheckpointInspection): string {
  return formatTable({
    heading: ["tensor", "shape", "type", "−1", "0", "+1", "scales", "bits", "bytes"],
    alignments: ["left", "left", "left", "right", "right", "right", "left", "right", "right"],
    rows: tensors.map((tensor) => [
      ...[tensor.name, formatShape(tensor.shape), describeType(tensor)],
      ...shareCells(tensor.trits),
      ...[describeScales(tensor), tensor.bitsPerWeight?.toFixed(2) ?? "", formatCount(tensor.byteLength)],
    ]),
    total: ["total", "", "", ...shareCells(total.trits), "", "", formatCount(total.byteLength)],
  });
}

function describeType({ type, planes }: TensorInspection): string {
  return planes === undefined || planes === 1 ? type : `${type} x ${planes}`;
}

function shareCells(trits: TensorInspection["trits"]): string[] {
  if (trits === undefined) return ["", "", ""];
  const all = trits[0] + trits[1] + trits[2];
  return trits.map((count) => formatPercent(count / all));
}

/** `1: 0.0213`, `256: 0.0198 to 0.0231`, `4,096, each of 256 weights: ...`. */
function describeScales({ scales }: TensorInspection): string {
  if (scales === undefined) return "";
  const { count, groupSize, smallest, largest } = scales;
  const of = groupSize === undefined ? "" : `, each of ${groupSize} weights`;
  const range = [smallest, largest].map((scale) => formatSignificant(scale));
  return `${formatCount(count)}${of}: ${range[0] === range[1] ? range[0] : range.join(" to ")}`;
}

function printSummary(
  { total, tensors, findings }: CheckpointInspection,
  texts: Readonly<Record<string, string>>,
  output: Output,
): void {
  const line = (label: string, text: string) => output.print(`${output.paint("dim", `${label}:`)} ${text}`);
  line(
    "size",
    `${formatBytes(total.fileByteLength)} (${formatCount(total.fileByteLength)} bytes) with ${formatCount(total.values)} values in ${counted(tensors.length, "tensor")}`,
  );
  if (total.ternaryWeights > 0) {
    const bits = ((total.ternaryBytes * 8) / total.ternaryWeights).toFixed(2);
    line(
      "ternary",
      `${formatCount(total.ternaryWeights)} weights in ${formatBytes(total.ternaryBytes)}: ${bits} bits per weight, scales included`,
    );
  }
  const evidence = new Map<string, number>();
  for (const { evidence: text } of tensors) if (text !== undefined) evidence.set(text, (evidence.get(text) ?? 0) + 1);
  for (const [text, count] of evidence) line("evidence", `${visibleText(text)} (${counted(count, "tensor")})`);
  for (const finding of findings) line("note", visibleText(finding));
  for (const [key, text] of Object.entries(texts)) {
    const shown = visibleText(text);
    line(visibleText(key), shown.length <= 100 ? shown : `${shown.slice(0, 99)}…`);
  }
}
