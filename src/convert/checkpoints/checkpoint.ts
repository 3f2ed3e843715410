/** Named tensors of a file, whatever its container: the contract of everything that can be converted, inspected, compared. */
import type { Shape } from "../../core/shape.ts";
import type { MatrixShape } from "../../core/ternary-matrix.ts";
import type { GgufValue } from "../../files/gguf/index.ts";
import type { ElementType } from "../../files/index.ts";
import type { CheckpointSource } from "../checkpoint-source.ts";

/** The bytes of a tensor as its file holds them, so that they can be kept. */
export interface StoredBytes {
  readonly byteLength: number;
  /** Type of the elements in safetensors' words; undefined for blocks that only GGUF has. */
  readonly elementType: ElementType | undefined;
  /** Name of the type in GGUF files; undefined for a tensor of another container. */
  readonly ggufType: string | undefined;
  /** Little-endian bytes `[begin, end)`, all of them without the two. */
  read(begin?: number, end?: number): Promise<Uint8Array>;
}

/** What all tensors have. */
interface TensorHead {
  readonly name: string;
  readonly shape: Shape;
  /** The type as its file calls it: `F16`, `Q6_K`, `tq2_0`. */
  readonly type: string;
  /** Bytes in the file, scales included. */
  readonly byteLength: number;
}

/** Real numbers, read by rows. */
export interface FloatTensor extends TensorHead {
  readonly kind: "float";
  /** The tensor as a matrix: `[out, in]` for the weight of a layer, one row for a vector. */
  readonly matrix: MatrixShape;
  /** Whether the file says that this is no weight of a layer. */
  readonly isConstant?: boolean;
  readonly stored: StoredBytes | undefined;
  /** Rows `[first, first + count)` of the matrix. */
  readRows(first: number, count: number): Promise<Float32Array>;
}

/** One ternary plane with its packed bytes in memory; trits are unpacked by rows. */
export interface PackedPlane {
  /** One scale for the tensor, one per row, or one per group of a row. */
  readonly scales: Float32Array;
  /** Weights of a row that share a scale, where they are not the whole row. */
  readonly groupSize: number | undefined;
  /** Trits of rows `[first, first + count)`. */
  unpackRows(first: number, count: number): Int8Array;
}

/** Ternary weights: one plane, or several that add up. */
export interface TernaryTensor extends TensorHead {
  readonly kind: "ternary";
  /** Id of the storage format. */
  readonly format: string;
  readonly matrix: MatrixShape;
  readonly planeCount: number;
  /** How it was recognised, and what its scales mean where files differ in that. */
  readonly evidence: string;
  readonly stored: StoredBytes | undefined;
  /** All planes; what is read here is checked here. */
  readPlanes(): Promise<readonly PackedPlane[]>;
}

/** A tensor that can be kept and nothing else. */
export interface OtherTensor extends TensorHead {
  readonly kind: "other";
  readonly stored: StoredBytes;
}

/** A tensor of a checkpoint. */
export type CheckpointTensor = FloatTensor | TernaryTensor | OtherTensor;

/** An open file of tensors. */
export interface Checkpoint extends AsyncDisposable {
  /** Path or name for messages. */
  readonly file: string;
  /** Id of its kind. */
  readonly kind: string;
  /** The file in a few words, such as `GGUF v3, architecture llama`. */
  readonly description: string;
  /** All files that are read: this one, and the shards where it is an index. */
  readonly files: readonly string[];
  /** Of all files. */
  readonly byteLength: number;
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** Texts beside the tensors, without those that describe how tensors are stored. */
  readonly texts: Readonly<Record<string, string>>;
  /** Keys of a GGUF file. */
  readonly ggufMetadata: ReadonlyMap<string, GgufValue> | undefined;
  /** What was ambiguous, and by which evidence it was decided. */
  readonly findings: readonly string[];
  /** The members of the config.json beside the file, where there is one. @throws FileError when it is damaged */
  readConfig(): Promise<Readonly<Record<string, unknown>> | undefined>;
}

/** What a kind says of a file; opening it adds the rest. */
export type RecognisedCheckpoint = Omit<Checkpoint, typeof Symbol.asyncDispose | "readConfig" | "file" | "files">;

/** A kind of files that hold tensors. */
export interface CheckpointKind {
  readonly id: string;
  /** One line for help texts and tables. */
  readonly summary: string;
  /**
   * Opens a file of this kind, and gives undefined for a file of another one; the source stays the caller's to close.
   *
   * @throws FileError when it is of this kind and damaged
   */
  open(source: CheckpointSource): Promise<RecognisedCheckpoint | undefined>;
}
