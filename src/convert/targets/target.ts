/** Where converted tensors go: the contract of every target. */
import type { Shape } from "../../core/shape.ts";
import type { MatrixShape } from "../../core/ternary-matrix.ts";
import type { GgufValue } from "../../files/gguf/index.ts";
import type { OpenCheckpointOptions } from "../checkpoint-source.ts";
import type { PackedPlane, StoredBytes } from "../checkpoints/checkpoint.ts";

/** How many weights share a scale: all, those of a row, or so many of a row. */
export type ScaleSharing = "per-tensor" | "per-channel" | { readonly groupSize: number };

/** A tensor kept byte for byte. */
export interface KeptContent {
  readonly kind: "kept";
  readonly stored: StoredBytes;
}

/** Real numbers to write as float32. */
export interface FloatContent {
  readonly kind: "float";
  readonly matrix: MatrixShape;
  readRows(first: number, count: number): Promise<Float32Array>;
}

/** Ternary weights to write in the format that was asked for. */
export interface TernaryContent {
  readonly kind: "ternary";
  readonly matrix: MatrixShape;
  /** Scales and groups of each plane, as few as tell all. */
  readonly planes: readonly Pick<PackedPlane, "scales" | "groupSize">[];
  /** The planes with their trits. */
  readPlanes(): Promise<readonly PackedPlane[]>;
}

/** A tensor to write. */
export interface TargetTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly content: KeptContent | FloatContent | TernaryContent;
}

/** A whole file to write. */
export interface TargetContent {
  readonly tensors: readonly TargetTensor[];
  /** Id of the format of ternary tensors. */
  readonly format: string;
  readonly texts: Readonly<Record<string, string>>;
  readonly ggufMetadata: ReadonlyMap<string, GgufValue> | undefined;
  /** The members of the config.json beside the source, where there is one. */
  readConfig(): Promise<Readonly<Record<string, unknown>> | undefined>;
}

/** A small file that belongs beside the one that was written. */
export interface Neighbour {
  readonly name: string;
  readonly text: string;
  /** What an existing file of that name must say instead. */
  readonly purpose: string;
}

/** What there is to know and to do after a file was written. */
export interface Written {
  /** What a person has to know to use it. */
  readonly notes: readonly string[];
  readonly neighbours: readonly Neighbour[];
}

/** A format of a target, with what it can hold. */
export interface TargetFormat {
  readonly id: string;
  readonly summary: string;
  /** The finest sharing of scales that it stores. */
  readonly scales: ScaleSharing;
  readonly maxPlanes: number;
  /** Bytes of a ternary tensor with its scales. @throws ShapeError when the format cannot hold the shape */
  byteLength(matrix: MatrixShape, planes: number, sharing: ScaleSharing): number;
}

/** A kind of file that conversions write. */
export interface Target {
  readonly id: string;
  readonly summary: string;
  /** Ends of file names that ask for it, the first one being its own. */
  readonly extensions: readonly string[];
  /** The default first. */
  readonly formats: readonly TargetFormat[];
  /** Whether the keys of a GGUF file have a place in it. */
  readonly holdsGgufKeys?: boolean;
  /** Of a name, in UTF-8. */
  readonly maxNameBytes: number;
  /** The names under which a tensor is stored; `planes` is undefined where it is not ternary. */
  storedNames(name: string, planes: number | undefined): readonly string[];
  /** Why a tensor cannot be kept as it is; undefined where it can. */
  whyNotKept(stored: StoredBytes, shape: Shape): string | undefined;
  /** How the file is opened where its neighbours are not beside it yet. */
  readonly readOptions?: OpenCheckpointOptions;
  /** Writes the file, atomically. */
  write(path: string, content: TargetContent): Promise<Written>;
}
