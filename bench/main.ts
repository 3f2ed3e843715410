/**
 * The benches: `npm run bench -- <name>... [--json]` measures on this machine, `npm run bench` lists what there is.
 *
 * People get a table. With `--json` each record is one line on the standard output, to be kept:
 * `npm run --silent bench -- all --json >> results.jsonl`.
 */
import { parseArgs } from "node:util";
import { BitLinearError, UsageError } from "../src/core/errors.ts";
import { checkSize } from "../src/core/shape.ts";
import type { BenchOptions } from "./bench-case.ts";
import { benchCases } from "./cases/index.ts";
import { readMachine } from "./machine.ts";
import { type BenchRecord, formatRecords, recordOf } from "./record.ts";

const RESULTS = "bench-results";
/** Of a layer that is timed. */
const LEAST_WEIGHTS = 2 ** 19;

const HELP = `npm run bench -- <name>... [options]

  all              every bench below
${benchCases.map(({ id, summary }) => `  ${id.padEnd(16)} ${summary}`).join("\n")}

  --json           one line of JSON for each record instead of a table
  --quick          a short run, to see whether the bench works; its figures mean nothing
  --seeds N        trainings for each accuracy, 3 by default
  --data DIR       where the data sets lie; BITLINEAR_DATA names it as well
  --shapes LIST    out x in of the layers that kernels times, such as 4096x4096,2560x6912; those of real models by default
  --out DIR        where kernels writes its files, ${RESULTS}/ by default; a short run writes them only when asked`;

async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  if (values.help || positionals.length === 0) {
    console.log(HELP);
    return;
  }
  const cases = positionals.includes("all") ? benchCases : positionals.map(caseById);
  const seeds = Number(values.seeds);
  checkSize("--seeds", seeds);
  const options: BenchOptions = {
    isQuick: values.quick,
    seeds,
    dataDirectory: values.data ?? (process.env.BITLINEAR_DATA || undefined),
    shapes: values.shapes?.split(",").map(parseShape),
    outputDirectory: values.out ?? (values.quick ? undefined : RESULTS),
    note: (text) => console.error(text),
    print: (text) => {
      if (!values.json) console.log(text);
    },
    emit: (line) => {
      if (values.json) console.log(JSON.stringify(line));
    },
  };
  const machine = await readMachine();
  const records: BenchRecord[] = [];
  for (const { id, run } of cases) {
    for await (const measurement of run(options)) {
      const record = recordOf(id, values.quick, measurement, machine);
      records.push(record);
      if (values.json) console.log(JSON.stringify(record));
    }
  }
  if (values.json) return;
  const { cpu, cores, platform, node, commit } = machine;
  console.log(`\n${formatRecords(records)}\n\n${cpu}, ${cores} cores, ${platform}, Node ${node}, commit ${commit}`);
  if (values.quick) console.log("A short run: these figures mean nothing.");
}

function readArguments(): ReturnType<typeof parse> {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}; npm run bench lists the options`);
  }
}

function parse() {
  return parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      seeds: { type: "string", default: "3" },
      data: { type: "string" },
      out: { type: "string" },
      shapes: { type: "string" },
    },
  });
}

function parseShape(text: string): readonly [number, number] {
  const [, outFeatures, inFeatures] = /^([1-9]\d*)x([1-9]\d*)$/.exec(text.trim()) ?? [];
  const shape = [Number(outFeatures), Number(inFeatures)] as const;
  // Of smaller layers there would be thousands of copies, to have one that is in no cache.
  if (shape[0] * shape[1] >= LEAST_WEIGHTS) return shape;
  throw new UsageError(`--shapes needs out x in, such as 4096x4096, of ${LEAST_WEIGHTS} weights at least, got ${text}`);
}

function caseById(id: string): (typeof benchCases)[number] {
  const found = benchCases.find((candidate) => candidate.id === id);
  if (found) return found;
  throw new UsageError(`there is no bench ${id}; choose from: all, ${benchCases.map(({ id }) => id).join(", ")}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof BitLinearError ? `${error.name}: ${error.message}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
