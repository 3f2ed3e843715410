/** The weights of a saved model: which tensor of the file belongs to which tensor of a node, and whether it may be used. */
import { FileError, ShapeError, UnsupportedError } from "../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../core/shape.ts";
import { checkScale } from "../core/ternary-matrix.ts";
import { shorten } from "../files/header-cursor.ts";
import { type ElementType, readFloat32, readUint8, type TensorEntry, tensorEntry } from "../files/index.ts";
import { formatById } from "../formats/index.ts";
import type { FloatTensor, GraphNode, NodeTensor, PackedTensor } from "./graph.ts";
import { type FloatTensorHeader, MAX_AXES, type NodeHeader, type TernaryTensorHeader } from "./model-header.ts";

/** The tensors of a node as a file stores them. */
export function tensorEntriesOf(node: GraphNode): TensorEntry[] {
  return Object.entries(node.tensors).flatMap(([name, tensor]) => {
    const stored = storedName(node.name, name);
    if (tensor.kind === "float32") return [tensorEntry(stored, tensor.shape, tensor.values)];
    const packed = tensorEntry(stored, packedShape(tensor), tensor.bytes);
    return [packed, tensorEntry(scalesName(stored), [tensor.scales.length], tensor.scales)];
  });
}

/** The tensors of a file, each to be used by one node. */
export class StoredTensors {
  readonly #file: string;
  /** The bytes that all tensors are views of, from the first byte of the file. */
  readonly #fileBytes: Uint8Array;
  readonly #unused: Map<string, TensorEntry>;

  constructor(tensors: ReadonlyMap<string, TensorEntry>, fileBytes: Uint8Array, file: string) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.#unused = new Map(tensors);
  }

  /**
   * The tensors of a node, views of the file.
   *
   * @throws FileError naming the tensor that is missing, does not fit or holds what no weight may be
   */
  readNode(node: NodeHeader): GraphNode["tensors"] {
    return Object.fromEntries(
      [...node.tensors].map(([name, header]): [string, NodeTensor] => {
        const stored = storedName(node.name, name);
        return [name, header.kind === "float32" ? this.#readFloats(stored, header) : this.#readPacked(stored, header)];
      }),
    );
  }

  /** @throws FileError naming the tensors that no node used */
  checkAllUsed(): void {
    const [first] = this.#unused.values();
    if (first === undefined) return;
    const count = this.#unused.size;
    this.#fail(first, `no node uses it${count === 1 ? "" : `, nor ${count - 1} others`}: the file is damaged`);
  }

  #readFloats(name: string, { shape }: FloatTensorHeader): FloatTensor {
    const entry = this.#take(name, "F32", shape);
    const values = readFloat32(entry, this.#file);
    this.#checkEach(entry, values, checkWeight);
    return { kind: "float32", shape, values };
  }

  #readPacked(name: string, header: TernaryTensorHeader): PackedTensor {
    const packed = this.#take(name, "U8", this.#packedShape(name, header));
    const stored = this.#unused.get(scalesName(name));
    const isPerRow = stored !== undefined && sameShape(stored.shape, [header.outFeatures]);
    const scalesEntry = this.#take(scalesName(name), "F32", isPerRow ? [header.outFeatures] : [1]);
    const scales = readFloat32(scalesEntry, this.#file);
    this.#checkEach(scalesEntry, scales, checkScale);
    const bytes = readUint8(packed, this.#file);
    this.#check(packed, () => formatById(header.format).check(bytes, header));
    return { ...header, bytes, scales };
  }

  #packedShape(name: string, header: TernaryTensorHeader): Shape {
    try {
      return packedShape(header);
    } catch (cause) {
      throw fileErrorOf(cause, this.#file, { tensor: name });
    }
  }

  /** Compares the shape, which the file's reader has compared with the number of bytes, before anything is allocated. */
  #take(name: string, dtype: ElementType, shape: Shape): TensorEntry {
    const entry = this.#unused.get(name);
    if (entry === undefined) {
      const problem = "a node needs this tensor, which is missing or used already: the file is damaged";
      throw new FileError(problem, { file: this.#file, tensor: name });
    }
    if (entry.dtype !== dtype || !sameShape(entry.shape, shape)) {
      const got = entry.shape.length <= MAX_AXES ? formatShape(entry.shape) : `of ${entry.shape.length} axes`;
      this.#fail(entry, `expected ${dtype} ${formatShape(shape)}, got ${entry.dtype} ${got}: the file is damaged`);
    }
    this.#unused.delete(name);
    return entry;
  }

  #checkEach(entry: TensorEntry, values: Float32Array, check: (value: number) => void): void {
    let i = 0;
    this.#check(
      entry,
      () => {
        for (; i < values.length; i++) check(values[i]);
      },
      () => i * values.BYTES_PER_ELEMENT,
    );
  }

  #check(entry: TensorEntry, check: () => unknown, failedByte = (): number => 0): void {
    try {
      check();
    } catch (cause) {
      const offset = this.#offsetOf(entry) + failedByte();
      throw fileErrorOf(cause, this.#file, { tensor: entry.name, offset });
    }
  }

  #offsetOf(entry: TensorEntry): number {
    return entry.bytes.byteOffset - this.#fileBytes.byteOffset;
  }

  #fail(entry: TensorEntry, message: string): never {
    throw new FileError(message, { file: this.#file, tensor: shorten(entry.name), offset: this.#offsetOf(entry) });
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
  const format = formatById(id);
  const byteLength = format.byteLength({ outFeatures, inFeatures });
  const rowBytes = format.byteLength({ outFeatures: 1, inFeatures });
  return outFeatures * rowBytes === byteLength ? [outFeatures, rowBytes] : [byteLength];
}
