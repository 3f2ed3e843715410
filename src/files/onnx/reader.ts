/** ONNX files read by ranges: the operations, and the tensors that they compute with. */
import { FileError, UnsupportedError } from "../../core/errors.ts";
import { shorten } from "../header-cursor.ts";
import { openRanges, type RangeSource } from "../ranges.ts";
import { type ByteSource, urlOf } from "../source.ts";
import { excerpt } from "../utf8.ts";
import { ExternalFiles } from "./external-data.ts";
import { type OnnxNode, readNodeProto } from "./node-proto.ts";
import { readPieces, VarintElements } from "./tensor-bytes.ts";
import { type OnnxTensor, readTensorProto, type StoredOnnxTensor } from "./tensor-proto.ts";
import { BYTES, type ByteRange, WireReader } from "./wire-reader.ts";

/** An open ONNX file. */
export interface OnnxReader extends AsyncDisposable {
  /** Path or name for messages. */
  readonly file: string;
  readonly irVersion: number;
  /** The program that wrote it; empty where it does not say. */
  readonly producer: string;
  /** Versions of operator sets; the name of the standard one is empty. */
  readonly opsets: ReadonlyMap<string, number>;
  /** Texts that travel with the model. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Constants: initializers and the values of `Constant` nodes, by the name that nodes read them by. */
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  /** Operations of the main graph, in order; those inside of loops and branches are not looked at. */
  readonly nodes: readonly OnnxNode[];
  /**
   * Bytes `[begin, end)` of a tensor's values, little-endian; all of them without the two.
   *
   * @throws FileError when they cannot be had
   * @throws UnsupportedError for a type that cannot be read here
   */
  read(name: string, begin?: number, end?: number): Promise<Uint8Array>;
}

/** Numbers of the fields of `ModelProto`, `GraphProto`, `OperatorSetIdProto` and `StringStringEntryProto`. */
const MODEL_FIELDS = { irVersion: 1, producer: 2, graph: 7, opset: 8, metadata: 14 };
const GRAPH_FIELDS = { node: 1, initializer: 5, sparseInitializer: 15 };
const OPSET_FIELDS = { domain: 1, version: 2 };
const ENTRY_FIELDS = { key: 1, value: 2 };

/** Far more than any model has, few enough that a hostile file cannot fill the memory. */
const MAX_NODES = 1_000_000;
const MAX_TENSORS = 200_000;
const MAX_TEXTS = 10_000;
const MAX_TEXT_BYTES = 1 << 24;

/** What was read of a model so far. */
interface Draft {
  irVersion: number;
  producer: string;
  graph: ByteRange | undefined;
  readonly opsets: Map<string, number>;
  readonly metadata: Map<string, string>;
  readonly tensors: Map<string, StoredOnnxTensor>;
  readonly nodes: OnnxNode[];
}

/**
 * Opens an ONNX file and reads what it holds but the values of its tensors, of which none are in memory afterwards.
 *
 * @throws FileError with the byte, and the tensor where there is one, when the file is damaged or of another kind
 * @throws UnsupportedError when the source is of a kind that cannot be read here
 */
export async function openOnnx(source: ByteSource): Promise<OnnxReader> {
  const ranges = await openRanges(source);
  try {
    const wire = new WireReader(ranges);
    const draft = await readModel(wire, ranges.byteLength);
    return readerOf(ranges, draft, isFile(source));
  } catch (error) {
    await ranges[Symbol.asyncDispose]();
    throw error;
  }
}

/** Whether first bytes are those of an ONNX file, which begins with its version and then names a program or its graph. */
export function looksLikeOnnx(start: Uint8Array): boolean {
  const [key, version, next] = start;
  const following = [MODEL_FIELDS.producer, MODEL_FIELDS.graph, MODEL_FIELDS.opset].map((field) => field * 8 + BYTES);
  return key === MODEL_FIELDS.irVersion * 8 && version > 0 && version < 64 && following.includes(next);
}

async function readModel(wire: WireReader, byteLength: number): Promise<Draft> {
  const draft: Draft = {
    ...{ irVersion: 0, producer: "", graph: undefined, nodes: [] },
    ...{ opsets: new Map(), metadata: new Map(), tensors: new Map() },
  };
  for await (const field of wire.fields({ begin: 0, end: byteLength })) {
    switch (field.number) {
      case MODEL_FIELDS.irVersion:
        draft.irVersion = wire.integer(field, "the version of a model");
        break;
      case MODEL_FIELDS.producer:
        draft.producer = await wire.text(field, "the program that wrote a model");
        break;
      case MODEL_FIELDS.graph:
        if (draft.graph) wire.fail("a model has one graph, this one has two: the file is damaged", field.start);
        draft.graph = wire.expect(field, BYTES, "the graph of a model");
        break;
      case MODEL_FIELDS.opset:
        await readOpset(wire, wire.expect(field, BYTES, "an operator set"), draft.opsets);
        break;
      case MODEL_FIELDS.metadata:
        await readText(wire, wire.expect(field, BYTES, "a text of a model"), draft.metadata);
        break;
    }
  }
  if (!draft.graph) wire.fail("a model has a graph, this file has none: it is of another kind", byteLength);
  await readGraph(wire, draft.graph, draft);
  return draft;
}

async function readOpset(wire: WireReader, message: ByteRange, opsets: Map<string, number>): Promise<void> {
  let domain = "";
  let version = 0;
  for await (const field of wire.fields(message)) {
    if (field.number === OPSET_FIELDS.domain) domain = await wire.text(field, "the domain of an operator set");
    else if (field.number === OPSET_FIELDS.version) version = wire.integer(field, "the version of an operator set");
  }
  if (opsets.size === MAX_TEXTS) wire.fail(`a model has at most ${MAX_TEXTS} operator sets`, message.begin);
  opsets.set(domain, version);
}

async function readText(wire: WireReader, message: ByteRange, texts: Map<string, string>): Promise<void> {
  let key = "";
  let value = "";
  for await (const field of wire.fields(message)) {
    if (field.number === ENTRY_FIELDS.key) key = await wire.text(field, "the key of a text");
    else if (field.number === ENTRY_FIELDS.value) value = await wire.text(field, "a text", MAX_TEXT_BYTES);
  }
  if (texts.size === MAX_TEXTS) wire.fail(`a model has at most ${MAX_TEXTS} texts`, message.begin);
  texts.set(key, value);
}

async function readGraph(wire: WireReader, graph: ByteRange, { nodes, tensors }: Draft): Promise<void> {
  const add = (tensor: StoredOnnxTensor): void => {
    if (tensors.size === MAX_TENSORS) wire.fail(`a model has at most ${MAX_TENSORS} tensors`, tensor.offset);
    if (tensors.has(tensor.name)) {
      wire.fail(`two tensors are called ${excerpt(tensor.name)}: the file is damaged`, tensor.offset);
    }
    tensors.set(tensor.name, tensor);
  };
  for await (const field of wire.fields(graph)) {
    switch (field.number) {
      case GRAPH_FIELDS.node: {
        if (nodes.length === MAX_NODES) wire.fail(`a graph has at most ${MAX_NODES} nodes`, field.start);
        const { node, constant } = await readNodeProto(wire, wire.expect(field, BYTES, "a node"));
        nodes.push(node);
        if (constant) add(constant);
        break;
      }
      case GRAPH_FIELDS.initializer:
        add(await readTensorProto(wire, wire.expect(field, BYTES, "a tensor")));
        break;
      case GRAPH_FIELDS.sparseInitializer:
        wire.fail("sparse tensors are not supported: export the model with dense ones", field.start);
        break;
    }
  }
}

function readerOf(ranges: RangeSource, { graph: _, ...draft }: Draft, isOnDisk: boolean): OnnxReader {
  const { file } = ranges;
  const external = new ExternalFiles(file, isOnDisk);
  const scans = new Map<string, VarintElements>();
  return {
    file,
    ...draft,
    async read(name, begin = 0, end) {
      const tensor = draft.tensors.get(name);
      if (!tensor) throw new FileError(`there is no such tensor; it has ${draft.tensors.size}`, { file, tensor: name });
      return await readBytesOf(tensor, begin, end ?? tensor.byteLength);
    },
    async [Symbol.asyncDispose]() {
      await external[Symbol.asyncDispose]();
      await ranges[Symbol.asyncDispose]();
    },
  };

  async function readBytesOf(tensor: StoredOnnxTensor, begin: number, end: number): Promise<Uint8Array> {
    const { name, typeName, dtype, byteLength, storage } = tensor;
    if (dtype === undefined) {
      const what = `tensor ${JSON.stringify(shorten(name))} of type ${typeName}`;
      throw new UnsupportedError(`${file}: ${what} cannot be read: export it as FLOAT, FLOAT16, BFLOAT16 or UINT8`);
    }
    if (!(begin >= 0 && begin <= end && end <= byteLength)) {
      const problem = `bytes [${begin}, ${end}) are not within its ${byteLength}`;
      throw new FileError(problem, { file, tensor: shorten(name) });
    }
    if (storage.kind === "external") return await external.read(tensor, storage.entries, begin, end);
    if (storage.kind === "bytes") return await readPieces(ranges, storage.pieces, begin, end);
    const scan = scans.get(name) ?? new VarintElements(ranges, tensor, storage.pieces);
    scans.set(name, scan);
    return await scan.read(begin, end);
  }
}

function isFile(source: ByteSource): boolean {
  const url = typeof source === "string" ? urlOf(source) : source;
  return url === undefined || (url instanceof URL && url.protocol === "file:");
}
