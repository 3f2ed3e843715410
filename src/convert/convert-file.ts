/** A whole conversion: plan, planes tensor by tensor, the file, its proof and the report. */
import { UsageError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import { type ByteSource, nodeModule, writeFileAtomic } from "../files/index.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoints/index.ts";
import { chooseTarget } from "./choose-target.ts";
import { type ConversionReport, makeReport } from "./conversion-report.ts";
import { fitLayer, repackLayer } from "./convert-layer.ts";
import type { LayerFigures } from "./layer-figures.ts";
import { type PreparedConversion, type PrepareOptions, prepareConversion } from "./prepare-conversion.ts";
import { proveWritten, type TensorProof } from "./prove-written.ts";
import { realPath } from "./source-files.ts";
import type { Neighbour, Target } from "./targets/target.ts";
import { WorkFolder } from "./work-folder.ts";
import { tensorOf, writeTarget } from "./write-target.ts";

/** What a conversion tells while it runs. */
export type ConversionEvent =
  | { readonly kind: "resumed"; readonly tensors: number }
  | {
      readonly kind: "step";
      /** The tensor that is converted. */
      readonly tensor: string;
      /** Weights that are done, and all of them. */
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: "writing" }
  | { readonly kind: "proving" };

/** What a conversion does, and how it is watched and stopped. */
export interface ConvertOptions extends PrepareOptions, RunOptions {}

/** How a conversion is watched and stopped. */
export interface RunOptions {
  /** Stops after the block of rows that is being converted; what is finished is kept for the next time. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: ConversionEvent) => void) | undefined;
}

/**
 * Converts a file of weights. The file that is there is replaced when the new one is whole and proved; what a conversion
 * that was stopped had finished is found in `<out>.partial` and not made again. Node only.
 *
 * @throws UsageError, UnsupportedError and FileError as `openCheckpoint` and `planConversion` do, and when the file cannot be
 *   written
 * @throws the reason of `signal` once it is aborted
 */
export async function convertFile(
  source: ByteSource,
  out: string,
  options: ConvertOptions = {},
): Promise<ConversionReport> {
  await using prepared = await prepareConversion(source, out, options);
  return await runConversion(prepared, out, options);
}

/** Carries out a conversion that is prepared. */
export async function runConversion(
  prepared: PreparedConversion,
  out: string,
  options: RunOptions = {},
): Promise<ConversionReport> {
  const started = performance.now();
  const { signal, onProgress = () => {} } = options;
  const { checkpoint, plan } = prepared;
  if (plan.tensors.length === 0)
    throw new UsageError(`${checkpoint.file} holds no tensors: there is nothing to convert`);
  const path = await realPath(out);
  await using work = await WorkFolder.open(path, await identityOf(prepared));
  const resumedTensors = work.finished.size;
  if (resumedTensors > 0) onProgress({ kind: "resumed", tensors: resumedTensors });
  await makePlanes(prepared, work, options);
  onProgress({ kind: "writing" });
  const { target } = chooseTarget(out, { to: plan.target, format: plan.format });
  const unfinished = work.pathFor(path);
  const { notes: advice, neighbours } = await writeTarget(unfinished, target, { checkpoint, plan, work });
  signal?.throwIfAborted();
  onProgress({ kind: "proving" });
  const written = await describeWritten(unfinished, target, { prepared, work, signal });
  const figures = new Map<string, LayerFigures>();
  for (const name of work.finished) figures.set(name, (await work.describe(name)).figures);
  await nodeModule("node:fs/promises", out).rename(unfinished, path);
  const notes = [...plan.notes, ...advice, ...(await placeNeighbours(neighbours, path))];
  await work.remove();
  const seconds = (performance.now() - started) / 1000;
  return makeReport({ plan, out, source: checkpoint, ...written, figures, notes, resumedTensors, seconds });
}

/** Reads a written file again and proves it. */
async function describeWritten(
  file: string,
  target: Target,
  { prepared, work, signal }: { prepared: PreparedConversion; work: WorkFolder; signal: AbortSignal | undefined },
): Promise<{ written: Checkpoint; proofs: ReadonlyMap<string, TensorProof> }> {
  await using written = await openCheckpoint(file, target.readOptions);
  const { checkpoint: source, plan } = prepared;
  return { written, proofs: await proveWritten(written, { source, plan, work, signal }) };
}

async function makePlanes(
  { checkpoint, plan, calibration }: PreparedConversion,
  work: WorkFolder,
  { signal, onProgress = () => {} }: RunOptions,
): Promise<void> {
  const todo = plan.tensors.filter(({ action }) => action.kind === "fit" || action.kind === "repack");
  const total = todo.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  let done = 0;
  for (const { name, shape, action } of todo) {
    if (work.finished.has(name)) {
      done += elementCount(shape);
      continue;
    }
    signal?.throwIfAborted();
    onProgress({ kind: "step", tensor: name, done, total });
    const onBlock = (weights: number): void => {
      done += weights;
      onProgress({ kind: "step", tensor: name, done, total });
      signal?.throwIfAborted();
    };
    const tensor = tensorOf(checkpoint, name);
    if (tensor.kind === "ternary") await repackLayer(tensor, { work, onBlock });
    else if (tensor.kind === "float" && action.kind === "fit") {
      const { inFeatures } = tensor.matrix;
      const moments = action.isCalibrated === true ? await calibration?.moments({ name, inFeatures }) : undefined;
      await fitLayer(tensor, action, { work, onBlock, file: checkpoint.file, moments });
    }
  }
}

/** What finished tensors depend on: sizes and times of the source's files, the inputs of layers, and the plan. */
async function identityOf({ checkpoint, plan, calibration }: PreparedConversion): Promise<string> {
  const { stat } = nodeModule("node:fs/promises", checkpoint.file);
  const { createHash } = nodeModule("node:crypto", checkpoint.file);
  const statuses = checkpoint.files.map(async (file) => {
    const status = await stat(file).catch(() => undefined); // bytes and blobs have no time
    return [file, status?.size ?? null, status?.mtimeMs ?? null];
  });
  const facts = [await Promise.all(statuses), checkpoint.byteLength, calibration?.identity ?? null, plan];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

/** Writes what belongs beside a file, but never over a file that is there. @returns what is left to do */
async function placeNeighbours(neighbours: readonly Neighbour[], path: string): Promise<string[]> {
  const { dirname, join } = nodeModule("node:path", path);
  const { access } = nodeModule("node:fs/promises", path);
  const notes: string[] = [];
  for (const { name, text, purpose } of neighbours) {
    const file = join(dirname(path), name);
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) notes.push(`${file} is there already and was left as it is; it must say ${purpose}`);
    else await writeFileAtomic(file, new TextEncoder().encode(text));
  }
  return notes;
}
