/** `bitlinear bench`: how fast this machine is. */
import { type Backend, backends } from "../../backends/index.ts";
import { formatCount, formatSignificant } from "../../core/number-format.ts";
import { VERSION } from "../../core/version.ts";
import type { CommandContext } from "../commands/command.ts";
import { describeMachine } from "../doctor/machine.ts";
import type { Output } from "../output.ts";
import { type Ceiling, COLD_BYTE_LENGTH, measureCeiling } from "./ceiling.ts";
import type { KernelRecord } from "./kernel-record.ts";
import { describeThreads, kernelTable } from "./kernel-table.ts";
import { type MeasurePlan, measureShape } from "./measure-shape.ts";
import { type Problem, randomProblem } from "./problem.ts";
import { kernelLayer } from "./timed-layer.ts";

/** What `bitlinear bench` takes. */
export interface BenchOptions {
  /** Inputs and outputs of the layer. */
  readonly size: number;
  readonly threads: number | undefined;
}

/** Smaller layers stay in the caches of any machine. */
const LEAST_COLD_SIZE = 1024;
const LARGE_BATCH = 128;
/** Weights of the model whose speed is estimated. */
const MODEL_WEIGHTS = 2e9;

const plan: MeasurePlan = {
  products: [
    { m: 1, mode: "warm" },
    { m: 1, mode: "cold" },
    { m: LARGE_BATCH, mode: "warm" },
  ],
  ...{ samples: 5, sampleMilliseconds: 4, slowestMilliseconds: 100 },
};

/** Times every kernel of this machine on one layer. @returns the exit code */
export async function runBench({ size, threads }: BenchOptions, { output }: CommandContext): Promise<number> {
  const machine = await describeMachine();
  const [opened, absent] = await openBackends(threads);
  output.print(
    `${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${machine.platform}, bitlinear ${VERSION}`,
  );
  for (const reason of absent) output.print(output.paint("yellow", reason));

  const problem = randomProblem([size, size], LARGE_BATCH);
  const ceilings: Ceiling[] = [];
  const records: KernelRecord[] = [];
  for (const count of new Set(opened.map((backend) => backend.threads))) {
    const group = opened.filter((backend) => backend.threads === count);
    output.note(`timing kernels with ${describeThreads(count)} ...`);
    const ceiling = measureCeiling(opened, count);
    const found = await measureGroup(group, problem, ceiling);
    ceilings.push(ceiling);
    records.push(...found);
    output.heading(`${describeThreads(count)}: ${size} × ${size} ternary weights times M tokens`);
    output.print(kernelTable(found));
    output.print(output.paint("dim", describeCeiling(ceiling)));
  }
  printSummary(records, output);
  output.emit({ version: VERSION, ...machine, ceilings, records });
  return 0;
}

/** The backends of this machine, and why others are absent. */
async function openBackends(threads: number | undefined): Promise<[Backend[], string[]]> {
  const opened: Backend[] = [];
  const absent: string[] = [];
  for (const { id, open } of backends) {
    const backend = await open(threads === undefined ? {} : { threads });
    if ("unavailable" in backend) absent.push(`no ${id} backend here: ${backend.unavailable}`);
    else opened.push(backend);
  }
  return [opened, absent];
}

async function measureGroup(group: readonly Backend[], problem: Problem, ceiling: Ceiling): Promise<KernelRecord[]> {
  const { matrix } = problem;
  const coldByteLength = matrix.outFeatures < LEAST_COLD_SIZE ? 0 : COLD_BYTE_LENGTH;
  // Only the best kernel of a backend cold: the copies of its layer take most of the time.
  const layers = group.flatMap((backend) =>
    backend.kernels.map((kernel, i) => kernelLayer(backend, kernel, matrix, i === 0 ? coldByteLength : 0)),
  );
  const records: KernelRecord[] = [];
  try {
    for await (const outcome of measureShape(layers, problem, plan, ceiling)) {
      if ("record" in outcome) records.push(outcome.record);
    }
  } finally {
    for (const layer of layers) await layer[Symbol.asyncDispose]();
  }
  return records;
}

function printSummary(records: readonly KernelRecord[], output: Output): void {
  const one = fastestOf(records, 1);
  const many = fastestOf(records, LARGE_BATCH) ?? one;
  if (one === undefined || many === undefined) return; // nothing here is fast enough
  output.print(
    `\n${output.paint("bold", "fastest")}: ${one.backend} ${one.kernel}, ${describeThreads(one.threads)}: ` +
      `${describeSpeed(one)} for one token, ${describeSpeed(many)} for ${many.m}`,
  );
  if (one.mode === "warm") return; // a layer too small to tell about large models
  const perSecond = ({ gops }: KernelRecord): string => formatSignificant((gops * 1e9) / 2 / MODEL_WEIGHTS, 2);
  output.print(
    `The ternary layers of a model of ${formatCount(MODEL_WEIGHTS / 1e9)} billion weights would take in about ` +
      `${perSecond(one)} tokens per second one by one, ${perSecond(many)} in batches of ${many.m}.`,
  );
}

/** Weights of large models come from memory, so cold figures go before warm ones. */
function fastestOf(records: readonly KernelRecord[], m: number): KernelRecord | undefined {
  const ofBatch = records.filter((record) => record.m === m);
  const cold = ofBatch.filter(({ mode }) => mode === "cold");
  return (cold.length > 0 ? cold : ofBatch).toSorted((a, b) => b.gops - a.gops)[0];
}

function describeSpeed({ gops, packedGBps }: KernelRecord): string {
  return `${formatSignificant(gops)} GOP/s (${formatSignificant(packedGBps)} GB/s of weights)`;
}

function describeCeiling({ dramReadGBps, int8DotGops }: Ceiling): string {
  if (dramReadGBps === null && int8DotGops === null)
    return "shares are unknown: no backend here can measure the machine";
  const known = (value: number | null) => (value === null ? "unknown" : formatSignificant(value));
  return (
    `shares: one token from memory (cold) of the ${known(dramReadGBps)} GB/s that memory reads, ` +
    `the rest of the ${known(int8DotGops)} GOP/s of int8 products that the cores can do`
  );
}
