/** `bitlinear convert` from a file to a file. */
import { stat } from "node:fs/promises";
import type { ConversionRule } from "../../convert/conversion-plan.ts";
import type { ConversionReport } from "../../convert/conversion-report.ts";
import { runConversion } from "../../convert/convert-file.ts";
import { type PreparedConversion, prepareConversion } from "../../convert/prepare-conversion.ts";
import { UsageError } from "../../core/errors.ts";
import { visibleText } from "../../core/visible-text.ts";
import { saveReport } from "../../report/save-report.ts";
import type { CommandContext } from "../commands/command.ts";
import { EXIT_CODES } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import type { Output } from "../output.ts";
import { checkTargets } from "../target-files.ts";
import { convertProgress } from "./convert-progress.ts";
import { planTable } from "./plan-table.ts";
import { reportSummary, reportTable } from "./report-table.ts";

/** What `bitlinear convert` takes. */
export interface ConvertCommandOptions {
  readonly out: string | undefined;
  readonly to: string | undefined;
  readonly format: string | undefined;
  readonly float: boolean;
  readonly include: readonly string[] | undefined;
  readonly skip: readonly string[] | undefined;
  readonly rule: readonly ConversionRule[] | undefined;
  readonly quantizer: string;
  readonly planes: number | undefined;
  readonly budget: number | undefined;
  readonly bits: number | undefined;
  readonly calibration: string | undefined;
  readonly linearClass: string | undefined;
  readonly dryRun: boolean;
  readonly report: string | undefined;
}

/** Converts the file of a path. @returns the exit code */
export async function runConvert(
  options: ConvertCommandOptions,
  { output }: CommandContext,
  source: string,
): Promise<number> {
  checkOptions(options);
  const { out, report, calibration, rule } = options;
  await checkTargets({ "--out": out, "--report": report }, { SOURCE: source, "--calibration": calibration });
  return await interruptible(output, async (signal) => {
    const progress = convertProgress(output);
    try {
      const { onMeasured } = progress;
      const curves = report !== undefined;
      await using prepared = await prepareConversion(source, out, {
        ...options,
        rules: rule,
        curves,
        signal,
        onMeasured,
      });
      if (options.dryRun || out === undefined) return showPlan(prepared, progress.close, output);
      const result = await runConversion(prepared, out, { signal, onProgress: progress.onProgress });
      progress.close();
      if (report !== undefined) await writeReport(report, prepared, result);
      output.print(`${output.paint("bold", out)}\n\n${reportTable(result)}\n`);
      for (const line of reportSummary(result)) output.print(line);
      for (const note of result.notes) output.print(`${output.paint("yellow", "note:")} ${visibleText(note)}`);
      if (report !== undefined) output.print(`report: ${report}`);
      output.emit({ ...result });
      return 0;
    } catch (error) {
      progress.close();
      if (!signal.aborted) throw error;
      output.note(await describeStop(out));
      output.emit({ stopped: true });
      return EXIT_CODES.interrupted;
    }
  });
}

/** @throws UsageError for options that contradict each other, or are missing */
function checkOptions({
  out,
  dryRun,
  float,
  planes,
  budget,
  bits,
  include,
  rule,
  calibration,
}: ConvertCommandOptions): void {
  if (out === undefined && !dryRun) throw new UsageError("where to? give --out FILE, or --dry-run to see the plan");
  if (budget !== undefined && bits !== undefined)
    throw new UsageError("--budget and --bits both say how large it may be: give one");
  if (planes !== undefined && (budget ?? bits) !== undefined) {
    throw new UsageError(
      "--planes and a budget both say how many planes there are: give one (--rule fixes those of some layers)",
    );
  }
  const fitting = [include, rule, calibration, planes, budget, bits].some((option) => option !== undefined);
  if (float && fitting) throw new UsageError("--float makes nothing ternary: leave the other options of weights out");
}

function showPlan({ plan }: PreparedConversion, closeProgress: () => void, output: Output): number {
  closeProgress();
  output.print(`${output.paint("bold", plan.source)}: ${plan.sourceDescription}\n\n${planTable(plan)}\n`);
  for (const note of plan.notes) output.print(`${output.paint("yellow", "note:")} ${visibleText(note)}`);
  output.emit({ plan });
  return 0;
}

/** What is left of a conversion that was stopped, if anything is. */
async function describeStop(out: string | undefined): Promise<string> {
  if (out === undefined) return "stopped";
  const isKept = (await stat(`${out}.partial`).catch(() => undefined))?.isDirectory() === true;
  const advice = isKept ? `the same command goes on from ${out}.partial` : "nothing was finished yet";
  return `stopped: ${out} was not written; ${advice}`;
}

async function writeReport(path: string, prepared: PreparedConversion, result: ConversionReport): Promise<void> {
  const { conversionReport } = await import("../../report/conversion-report.ts");
  const { sampleConversion } = await import("../../convert/sample-layers.ts");
  const samples = await sampleConversion(prepared.checkpoint, result);
  await saveReport(path, conversionReport({ report: result, curves: prepared.curves, samples }));
}
