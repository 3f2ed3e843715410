/** GGUF files, read by ranges: the header when they are opened, the data of a tensor when it is asked for. */
import { FileError, UsageError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import { shorten } from "../header-cursor.ts";
import { openRanges, type RangeSource } from "../ranges.ts";
import type { ByteSource } from "../source.ts";
import { excerpt } from "../utf8.ts";
import { ggufByteLength } from "./block-types.ts";
import { type DecidedType, decideTypes, type TensorSpaces } from "./dialect.ts";
import { type GgufHeader, readGgufHeader, type TensorInfo } from "./header.ts";
import type { GgufMetadata } from "./values.ts";

/** A tensor of a file. */
export interface GgufTensor {
  readonly name: string;
  /** Row-major, `[out, in]` for a weight: the sizes in the file are in reverse. */
  readonly shape: Shape;
  /** Id in the file; ids 36 to 39 and 42 mean different things in different programs, so go by the name. */
  readonly type: number;
  /** Name of the type, such as `"TQ2_0"`. */
  readonly typeName: string;
  readonly byteLength: number;
  /** Byte of the file at which the data begin. */
  readonly offset: number;
  /** Why an id of several meanings was read as this type; absent where the id has one. */
  readonly typeEvidence?: string;
  /** Why `read` refuses the tensor; absent where it does not. */
  readonly refusal?: string;
}

/** What a GGUF file holds, without its data. */
export interface GgufContents {
  readonly metadata: GgufMetadata;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** An open file; dispose of it when done. */
export interface GgufReader extends GgufContents, AsyncDisposable {
  /** Path, URL or a name such as `"<bytes>"`, for messages. */
  readonly file: string;
  /** Of the whole file. */
  readonly byteLength: number;
  readonly version: number;
  /** Data of tensors begin at multiples of this after `dataStart`. */
  readonly alignment: number;
  readonly dataStart: number;
  /**
   * Bytes `[begin, end)` of a tensor's data, all by default.
   *
   * @throws FileError when there is no such tensor, its type is refused, or the file became shorter
   * @throws UsageError when the tensor has no such bytes
   */
  read(name: string, begin?: number, end?: number): Promise<Uint8Array>;
}

/**
 * Opens a GGUF file (version 2 or 3, little-endian) and reads its header.
 *
 * @throws FileError naming the byte and the tensor when anything is not as the format says
 */
export async function openGguf(source: ByteSource): Promise<GgufReader> {
  const ranges = await openRanges(source);
  try {
    const { metadata, version, alignment, dataStart, ...header } = await readGgufHeader(ranges);
    const tensors = layOut({ metadata, version, alignment, dataStart, ...header }, ranges);
    const { file, byteLength } = ranges;
    const read: GgufReader["read"] = async (name, begin = 0, end) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new FileError(`there is no tensor ${excerpt(name)}`, { file });
      return readTensor(tensor, ranges, begin, end ?? tensor.byteLength);
    };
    const close = () => ranges[Symbol.asyncDispose]();
    return { file, byteLength, version, alignment, dataStart, metadata, tensors, read, [Symbol.asyncDispose]: close };
  } catch (error) {
    await ranges[Symbol.asyncDispose]();
    throw error;
  }
}

async function readTensor(tensor: GgufTensor, ranges: RangeSource, begin: number, end: number): Promise<Uint8Array> {
  const { name, byteLength, offset, typeName, refusal } = tensor;
  if (refusal !== undefined) {
    throw new FileError(`${typeName} is not read: ${refusal}`, { file: ranges.file, offset, tensor: shorten(name) });
  }
  const isRange = Number.isSafeInteger(begin) && Number.isSafeInteger(end) && 0 <= begin && begin <= end;
  if (!isRange || end > byteLength) {
    throw new UsageError(`tensor ${excerpt(name)} has ${byteLength} bytes, asked for ${begin} to ${end}`);
  }
  return ranges.read(offset + begin, end - begin);
}

/** Decides types and sizes. @throws FileError where tensors leave the file or overlap */
function layOut(header: GgufHeader, { file, byteLength: size }: RangeSource): ReadonlyMap<string, GgufTensor> {
  const spaces = spacesOf(header, size);
  const types = decideTypes(header, spaces, file);
  return new Map(
    header.tensors.map((info, i) => {
      const tensor = placeTensor(info, types[i], header.dataStart, file);
      const space = spaces.get(info) ?? 0;
      if (tensor.byteLength > space) failNoSpace(info, tensor, space, { file, size });
      return [info.name, tensor];
    }),
  );
}

/** Bytes from each tensor to the next that begins later; of two that begin at one byte, one must be empty. */
function spacesOf({ tensors, dataStart }: GgufHeader, size: number): TensorSpaces {
  const spaces = new Map<TensorInfo, number>();
  const isEmpty = ({ shape }: TensorInfo) => shape.includes(0);
  const ordered = [...tensors].sort((a, b) => a.offset - b.offset || Number(isEmpty(b)) - Number(isEmpty(a)));
  ordered.forEach((info, i) => {
    const end = i + 1 < ordered.length ? dataStart + ordered[i + 1].offset : size;
    spaces.set(info, end - dataStart - info.offset); // negative beyond the end of the file
  });
  return spaces;
}

function placeTensor(info: TensorInfo, { type, evidence }: DecidedType, dataStart: number, file: string): GgufTensor {
  const { name, shape, offset, saidAt } = info;
  const byteLength = ggufByteLength(type, shape);
  if (byteLength === undefined) {
    const problem = `${type.name} ${formatShape(shape)}: rows must be whole blocks of ${type.blockElements} elements`;
    const message = `${problem}, and all bytes fewer than 2^53: the file is damaged`;
    throw new FileError(message, { file, offset: saidAt, tensor: shorten(name) });
  }
  return {
    name,
    shape,
    type: type.id,
    typeName: type.name,
    byteLength,
    offset: dataStart + offset,
    ...(evidence === undefined ? {} : { typeEvidence: evidence }),
    ...(type.refusal === undefined ? {} : { refusal: type.refusal }),
  };
}

function failNoSpace(
  info: TensorInfo,
  { typeName, shape, byteLength, offset }: GgufTensor,
  space: number,
  { file, size }: { file: string; size: number },
): never {
  const needed = `${typeName} ${formatShape(shape)} takes ${byteLength} bytes from byte ${offset} on`;
  const reason =
    offset + byteLength > size
      ? `, but the file ends at ${size}: it is truncated or damaged; copy or download it again`
      : `, but the next tensor begins after ${space}: they overlap, the file is damaged`;
  throw new FileError(`${needed}${reason}`, { file, offset: info.saidAt, tensor: shorten(info.name) });
}
