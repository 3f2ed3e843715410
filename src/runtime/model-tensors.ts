/** The weights of a saved model: which tensor of the file belongs to which tensor of a node, and whether it may be used. */
import { FileError, ShapeError, UnsupportedError } from "../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../core/shape.ts";
import { checkScale } from "../core/ternary-matrix.ts";
import type { TernaryRows } from "../core/ternary-rows.ts";
import type { ElementType } from "../files/element-types.ts";
import { decodeFloats } from "../files/element-values.ts";
import { shorten } from "../files/header-cursor.ts";
import type { DirectRanges } from "../files/ranges.ts";
import { type TensorEntry, tensorEntry } from "../files/safetensors.ts";
import type { HeaderEntry, SafetensorsHeader } from "../files/safetensors-header.ts";
import { modelFormatById } from "../formats/index.ts";
import type { FloatTensor, GraphNode, NodeTensor, PackedTensor } from "./graph.ts";
import { type FloatTensorHeader, MAX_AXES, type NodeHeader, type TernaryTensorHeader } from "./model-header.ts";
import { scratchOf } from "./planes.ts";

/** The tensors of a node as a file stores them. */
export function tensorEntriesOf(node: GraphNode): TensorEntry[] {
  return Object.entries(node.tensors).flatMap(([name, tensor]) => {
    const stored = storedName(node.name, name);
    if (tensor.kind === "float32") return [tensorEntry(stored, tensor.shape, tensor.values)];
    const packed = tensorEntry(stored, packedShape(tensor), tensor.bytes);
    return [packed, tensorEntry(scalesName(stored), [tensor.scales.length], tensor.scales)];
  });
}

/** Where the tensors of a model are. */
export interface StoredModel extends Pick<SafetensorsHeader, "entries" | "dataStart"> {
  readonly ranges: DirectRanges;
}

/** A tensor of a file: `offset` is of its first byte. */
interface StoredTensor extends HeaderEntry {
  readonly name: string;
  readonly offset: number;
  readonly byteLength: number;
}

/** The tensors of a file, each to be used by one node. */
export class StoredTensors {
  readonly #ranges: DirectRanges;
  readonly #unused: Map<string, StoredTensor>;

  constructor({ ranges, entries, dataStart }: StoredModel) {
    this.#ranges = ranges;
    const stored = [...entries].map(([name, entry]): [string, StoredTensor] => {
      const { begin, end } = entry;
      return [name, { ...entry, name, offset: dataStart + begin, byteLength: end - begin }];
    });
    this.#unused = new Map(stored);
  }

  /**
   * The tensors of a node. Packed ones stay in the file, which must be open until layers are made of them.
   *
   * @throws FileError naming the tensor that is missing, does not fit or holds what no weight may be
   */
  readNode(node: NodeHeader): GraphNode["tensors"] {
    let planes = 0;
    const tensors = [...node.tensors].map(([name, header]): [string, NodeTensor] => {
      const stored = storedName(node.name, name);
      if (header.kind === "float32") return [name, this.#readFloats(stored, header)];
      return [name, this.#findPacked(stored, header, planes++)];
    });
    return Object.fromEntries(tensors);
  }

  /** @throws FileError naming the tensors that no node used */
  checkAllUsed(): void {
    const [first] = this.#unused.values();
    if (first === undefined) return;
    const count = this.#unused.size;
    this.#fail(first, `no node uses it${count === 1 ? "" : `, nor ${count - 1} others`}: the file is damaged`);
  }

  #readFloats(name: string, { shape }: FloatTensorHeader): FloatTensor {
    const stored = this.#take(name, "F32", shape);
    return { kind: "float32", shape, values: this.#readValues(stored, checkWeight) };
  }

  #findPacked(name: string, header: TernaryTensorHeader, plane: number): PackedTensor {
    const shape = this.#packedShape(name, header);
    const packed = this.#take(name, "U8", shape);
    const stored = this.#unused.get(scalesName(name));
    const isPerRow = stored !== undefined && sameShape(stored.shape, [header.outFeatures]);
    const scalesEntry = this.#take(scalesName(name), "F32", isPerRow ? [header.outFeatures] : [1]);
    const scales = this.#readValues(scalesEntry, checkScale);
    const readAll = (): Uint8Array => this.#readBytes(packed);
    return {
      ...{ ...header, scales, rows: this.#rowsOf(packed, { ...header, scales }, plane) },
      get bytes() {
        return readAll();
      },
    };
  }

  /** Reads rows of formats that store them one after the other in blocks, those of others after the whole tensor. */
  #rowsOf(packed: StoredTensor, header: TernaryTensorHeader & { scales: Float32Array }, plane: number): TernaryRows {
    const format = modelFormatById(header.format);
    const { outFeatures, inFeatures, scales } = header;
    const isByRows = packed.shape.length === 2;
    const { trits, bytes } = scratchOf(plane);
    return {
      ...{ outFeatures, inFeatures, scales },
      readRows: (first, count) => {
        const [start, rows] = isByRows ? [first, count] : [0, outFeatures];
        const shape = { outFeatures: rows, inFeatures };
        const byteLength = format.byteLength(shape);
        const block = bytes.take(byteLength);
        const offset = isByRows ? start * (packed.byteLength / outFeatures) : 0;
        this.#ranges.readInto(packed.offset + offset, block);
        this.#checkBlock(packed, header, () => format.check(block, shape));
        return format.unpackRows(block, shape, first - start, count, trits.take(count * inFeatures));
      },
    };
  }

  /** What is wrong with a block is told of the whole tensor, by its first wrong byte. */
  #checkBlock(packed: StoredTensor, header: TernaryTensorHeader, check: () => void): void {
    try {
      check();
    } catch {
      this.#check(packed, () => modelFormatById(header.format).check(this.#readBytes(packed), header));
      throw new FileError("it changed while it was read: load it again", { file: this.#ranges.file });
    }
  }

  #packedShape(name: string, header: TernaryTensorHeader): Shape {
    try {
      return packedShape(header);
    } catch (cause) {
      throw fileErrorOf(cause, this.#ranges.file, { tensor: name });
    }
  }

  /** Compares the shape, which the file's reader has compared with the number of bytes, before anything is allocated. */
  #take(name: string, dtype: ElementType, shape: Shape): StoredTensor {
    const stored = this.#unused.get(name);
    if (stored === undefined) {
      const problem = "a node needs this tensor, which is missing or used already: the file is damaged";
      throw new FileError(problem, { file: this.#ranges.file, tensor: name });
    }
    if (stored.dtype !== dtype || !sameShape(stored.shape, shape)) {
      const got = stored.shape.length <= MAX_AXES ? formatShape(stored.shape) : `of ${stored.shape.length} axes`;
      this.#fail(stored, `expected ${dtype} ${formatShape(shape)}, got ${stored.dtype} ${got}: the file is damaged`);
    }
    this.#unused.delete(name);
    return stored;
  }

  #readBytes({ offset, byteLength }: StoredTensor): Uint8Array {
    const bytes = new Uint8Array(byteLength);
    this.#ranges.readInto(offset, bytes);
    return bytes;
  }

  #readValues(stored: StoredTensor, check: (value: number) => void): Float32Array {
    const values = decodeFloats(this.#readBytes(stored), stored.dtype);
    let i = 0;
    this.#check(
      stored,
      () => {
        for (; i < values.length; i++) check(values[i]);
      },
      () => i * values.BYTES_PER_ELEMENT,
    );
    return values;
  }

  #check(stored: StoredTensor, check: () => unknown, failedByte = (): number => 0): void {
    try {
      check();
    } catch (cause) {
      const offset = stored.offset + failedByte();
      throw fileErrorOf(cause, this.#ranges.file, { tensor: stored.name, offset });
    }
  }

  #fail({ name, offset }: StoredTensor, message: string): never {
    throw new FileError(message, { file: this.#ranges.file, tensor: shorten(name), offset });
  }
}

/** What the model's own checks found in a file, as an error of that file; any other error is given back as it is. */
export function fileErrorOf(cause: unknown, file: string, place: { tensor?: string; offset?: number } = {}): unknown {
  const isOfModel = cause instanceof ShapeError || cause instanceof UnsupportedError;
  return isOfModel ? new FileError(cause.message, { file, ...place }, { cause }) : cause;
}

function checkWeight(value: number): void {
  if (!Number.isFinite(value)) throw new ShapeError(`a weight must be a finite number, got ${value}`);
}

function storedName(node: string, tensor: string): string {
  return `${node}.${tensor}`;
}

function scalesName(stored: string): string {
  return `${stored}.scales`;
}

/** `[outFeatures, bytes of a row]` where the format stores rows one after the other, else `[bytes]`. */
function packedShape({ format: id, outFeatures, inFeatures }: Omit<TernaryTensorHeader, "kind">): Shape {
  const format = modelFormatById(id);
  const byteLength = format.byteLength({ outFeatures, inFeatures });
  const rowBytes = format.byteLength({ outFeatures: 1, inFeatures });
  return outFeatures * rowBytes === byteLength ? [outFeatures, rowBytes] : [byteLength];
}
