/** `bitlinear diff` from two files to what is different. */
import { diffCheckpoints, type TensorDiff } from "../../convert/diff-checkpoints.ts";
import { OutputMeasures } from "../../convert/measures.ts";
import { UsageError } from "../../core/errors.ts";
import { formatSignificant } from "../../core/number-format.ts";
import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import { formatTable } from "../../core/text-table.ts";
import { loadModel } from "../../runtime/model-file.ts";
import type { CommandContext } from "../commands/command.ts";
import { counted } from "../counted.ts";
import { EXIT_CODES } from "../failure.ts";
import { interruptible } from "../interruption.ts";
import type { Output } from "../output.ts";
import { runModel } from "../run-model.ts";
import { readArrayFile, samplesFor } from "../running/sample-file.ts";

/** What `bitlinear diff` takes. */
export interface DiffCommandOptions {
  readonly input: string | undefined;
  readonly tolerance: number;
  readonly all: boolean;
}

/** How the outputs of two models compare. */
interface OutputDiff {
  readonly samples: number;
  readonly outputs: number;
  readonly differing: number;
  /** ‖A - B‖ / ‖A‖ over all outputs. */
  readonly relativeError: number;
  readonly largestDifference: number;
}

/** Compares the files of two paths. @returns 0 where they are equal within the tolerance, else 1 */
export async function runDiff(
  { input, tolerance, all }: DiffCommandOptions,
  { output }: CommandContext,
  [a, b]: readonly string[],
): Promise<number> {
  return await interruptible(output, async (signal) => {
    try {
      const diff = await diffCheckpoints(a, b, { tolerance, signal });
      const outputs = input === undefined ? undefined : await diffOutputs(a, b, input);
      const isEqual = diff.isWithinTolerance && (outputs === undefined || outputs.relativeError <= tolerance);
      printTensors(diff.tensors, all, output);
      if (outputs) output.print(describeOutputs(outputs));
      output.print(
        isEqual
          ? `equal${tolerance === 0 ? "" : ` within ${tolerance}`}`
          : `different${tolerance === 0 ? "" : ` beyond ${tolerance}`}`,
      );
      output.emit({ a, b, tolerance, isEqual, ...diff, outputs });
      return isEqual ? 0 : EXIT_CODES.failed;
    } catch (error) {
      if (!signal.aborted) throw error;
      return EXIT_CODES.interrupted;
    }
  });
}

/** @throws UsageError when their outputs have different shapes */
async function diffOutputs(a: string, b: string, input: string): Promise<OutputDiff> {
  using first = await loadModel(a);
  using second = await loadModel(b);
  const { count, values, sampleShape } = samplesFor(await readArrayFile(input), first.graph.inputShape);
  const [runA, runB] = [await runModel(first, values, sampleShape), await runModel(second, values, sampleShape)];
  if (!sameShape(runA.sampleOutputShape, runB.sampleOutputShape)) {
    const shapes = `${formatShape(runA.sampleOutputShape)} and ${formatShape(runB.sampleOutputShape)}`;
    throw new UsageError(`the outputs of A and B have the shapes ${shapes}: they cannot be compared`);
  }
  const measures = new OutputMeasures();
  measures.add(runA.outputs, runB.outputs);
  let differing = 0;
  let largestDifference = 0;
  runA.outputs.forEach((value, i) => {
    if (Object.is(value, runB.outputs[i])) return;
    differing++;
    largestDifference = Math.max(largestDifference, Math.abs(value - runB.outputs[i]));
  });
  return {
    ...{ samples: count, outputs: runA.outputs.length, differing, largestDifference },
    relativeError: measures.relativeError,
  };
}

function printTensors(tensors: readonly TensorDiff[], all: boolean, output: Output): void {
  const counts = new Map<string, number>();
  for (const { status } of tensors) counts.set(status, (counts.get(status) ?? 0) + 1);
  const isShown = ({ status }: TensorDiff) => all || (status !== "equal bytes" && status !== "equal values");
  const shown = tensors.filter(isShown);
  if (shown.length > 0) {
    const table = formatTable({
      heading: ["tensor", "A", "B", "", "relative error", "largest difference"],
      alignments: ["left", "left", "left", "left", "right", "right"],
      rows: shown.map((diff) => [
        ...[diff.name, describeSide(diff.typeA, diff.shapeA), describeSide(diff.typeB, diff.shapeB), diff.status],
        ...[diff.relativeError, diff.largestDifference].map((value) =>
          value === undefined ? "" : formatSignificant(value),
        ),
      ]),
    });
    output.print(`${table}\n`);
  }
  output.print(
    `${counted(tensors.length, "tensor")}: ${[...counts].map(([status, count]) => `${count} ${status}`).join(", ")}`,
  );
}

function describeSide(type: string | undefined, shape: Shape | undefined): string {
  return type === undefined || shape === undefined ? "" : `${type} ${formatShape(shape)}`;
}

function describeOutputs({ samples, outputs, differing, relativeError, largestDifference }: OutputDiff): string {
  const of = `${counted(outputs, "output")} of ${counted(samples, "sample")}`;
  if (differing === 0) return `${of}: equal in all bits`;
  return `${of}: ${differing} differ, by ${formatSignificant(largestDifference)} at most; relative error ${formatSignificant(relativeError)}`;
}
