/** Saved models: safetensors files that hold a graph's packed weights and, in their metadata, its architecture. */
import { FileError, UsageError } from "../core/errors.ts";
import { writeFileAtomic } from "../files/node-files.ts";
import { type DirectRanges, openDirectRanges, rangesOfBytes } from "../files/ranges.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { readSafetensorsHeaderNow } from "../files/safetensors-reader.ts";
import type { ByteSource } from "../files/source.ts";
import { pathOfTarget } from "../files/target.ts";
import { backendOf, DeployedModel, type OpenOptions } from "./deployed-model.ts";
import type { Graph } from "./graph.ts";
import { MODEL_KEY, readModelHeader, writeModelHeader } from "./model-header.ts";
import { fileErrorOf, StoredTensors, tensorEntriesOf } from "./model-tensors.ts";

/** Options of `saveModel` and `modelToBytes`. */
export interface SaveModelOptions {
  /** Texts to store beside those the model carries already, such as the names of its classes; equal keys are replaced. */
  metadata?: Readonly<Record<string, string>>;
}

/** Options of `loadModel`. */
export interface LoadModelOptions extends OpenOptions {
  /** Stops reading; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Saves a model to a path or `file:` URL; a crash at any moment leaves the old file or the new one. Only in Node: elsewhere
 * take `modelToBytes` and offer its bytes as a `Blob` to download.
 *
 * @throws FileError when the file cannot be written, or the model holds what no file may (a weight that is no number)
 * @throws UsageError when metadata are not text or use the reserved key `bitlinear`
 * @throws UnsupportedError outside of Node, and for URLs of other kinds
 */
export async function saveModel(
  model: DeployedModel,
  target: string | URL,
  options: SaveModelOptions = {},
): Promise<void> {
  const path = pathOfTarget(target, "send new Blob([modelToBytes(model)]), or offer it for download");
  await writeFileAtomic(path, graphToBytes(model.graph, options, path));
}

/**
 * The bytes of a model's file; equal models and metadata give equal bytes.
 *
 * @throws FileError when the model holds what no file may, such as a weight that is no number; it names the tensor
 * @throws UsageError when metadata are not text or use the reserved key `bitlinear`
 */
export function modelToBytes(model: DeployedModel, options: SaveModelOptions = {}): Uint8Array<ArrayBuffer> {
  return graphToBytes(model.graph, options, "<model>");
}

/**
 * Loads a saved model from a path (in Node), a URL, a `File` or other `Blob`, or bytes. It gives the same bits as the model
 * that was saved.
 *
 * @throws FileError when the file cannot be read or is no valid model; it says where
 * @throws UnsupportedError when the backend is unknown or cannot run here, or the source cannot be read here
 */
export async function loadModel(source: ByteSource, options: LoadModelOptions = {}): Promise<DeployedModel> {
  await using ranges = await openDirectRanges(source, options);
  const graph = readGraph(ranges);
  const backend = await backendOf(options);
  options.signal?.throwIfAborted();
  try {
    return await DeployedModel.open(graph, { backend });
  } catch (cause) {
    throw fileErrorOf(cause, ranges.file);
  }
}

function graphToBytes(graph: Graph, options: SaveModelOptions, file: string): Uint8Array<ArrayBuffer> {
  const metadata = { ...graph.metadata, ...options.metadata };
  if (Object.hasOwn(metadata, MODEL_KEY)) {
    throw new UsageError(`the metadata key ${JSON.stringify(MODEL_KEY)} holds the architecture: choose another key`);
  }
  const header = writeModelHeader(graph);
  const bytes = writeSafetensors(graph.nodes.flatMap(tensorEntriesOf), { ...metadata, [MODEL_KEY]: header });
  readGraph(rangesOfBytes({ bytes, file })); // what is written can be read
  return bytes;
}

/** A graph whose packed weights stay in the file, to be read while it is open. */
function readGraph(ranges: DirectRanges): Graph {
  const { file } = ranges;
  const { entries, metadata, dataStart } = readSafetensorsHeaderNow(ranges);
  const { [MODEL_KEY]: text, ...texts } = metadata;
  if (text === undefined) {
    const problem = `expected the text ${MODEL_KEY} in its metadata, which is missing: these are weights without a model`;
    const advice =
      "save one with saveModel, or load the weights into modules with loadStateDict, those of bitlinear convert with loadCheckpoint";
    throw new FileError(`${problem}; ${advice}`, { file });
  }
  const header = readModelHeader(text, file);
  const stored = new StoredTensors({ ranges, entries, dataStart });
  const nodes = header.nodes.map((node) => ({ ...node, tensors: stored.readNode(node) }));
  stored.checkAllUsed();
  return { ...header, nodes, ...(Object.keys(texts).length > 0 && { metadata: texts }) };
}
