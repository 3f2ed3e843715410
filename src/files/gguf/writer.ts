/** GGUF files, version 3, written in parts: the header, then the data of one tensor after the other. */
import { ShapeError, UsageError } from "../../core/errors.ts";
import { checkSize, formatShape, type Shape } from "../../core/shape.ts";
import { writeFileStreamed } from "../streamed-file.ts";
import { excerpt } from "../utf8.ts";
import { type GgufType, ggufByteLength, ggufTypes, typeByName } from "./block-types.ts";
import { encodeGgufHeader, type PlacedTensor } from "./header-bytes.ts";
import { checkForLlamaCpp } from "./llama-cpp.ts";
import type { GgufTensor } from "./reader.ts";
import { alignUp, DEFAULT_ALIGNMENT, type GgufMetadata } from "./values.ts";

/** A tensor to write; one of a `GgufReader` is this, but for its chunks. */
export interface WritableGgufTensor {
  readonly name: string;
  /** Row-major, `[out, in]` for a weight. */
  readonly shape: Shape;
  /** Name of the type, such as `"TQ2_0"`: ids are not unique. */
  readonly typeName: string;
  /** The bytes of its data in order, cut anywhere; asked for once, when it is this tensor's turn. */
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** How a file is written. */
export interface GgufWriteOptions {
  /**
   * The program that must be able to load the file; `"any"` writes what no language model program would load, such as the
   * weights of an image classifier. `"llama.cpp"` by default.
   */
  readonly readBy?: "llama.cpp" | "bitnet.cpp" | "any";
}

/**
 * Writes a file, or leaves the one that is there. Tensors and keys are written in the order given, so that a file read and
 * written again is the same in all bytes.
 *
 * @throws UsageError when the file could not be read by the program named, with all reasons
 * @throws ShapeError when a tensor's chunks are not as long as its type and shape say; nothing is left behind then
 * @throws FileError when the file cannot be written
 */
export async function writeGguf(
  path: string,
  metadata: GgufMetadata,
  tensors: readonly WritableGgufTensor[],
  { readBy = "llama.cpp" }: GgufWriteOptions = {},
): Promise<void> {
  const alignment = alignmentOf(metadata);
  const placed = placeTensors(tensors, alignment);
  const header = encodeGgufHeader(metadata, placed);
  if (readBy !== "any") {
    const contents = { metadata, tensors: new Map(placed.map((tensor) => [tensor.name, tensor])) };
    const problems = checkForLlamaCpp(contents, { program: readBy });
    if (problems.length > 0) {
      const reasons = problems.slice(0, 10).map(({ message }) => `\n- ${message}`);
      const more = problems.length > 10 ? `\n- and ${problems.length - 10} more` : "";
      throw new UsageError(`${readBy} could not load this file:${reasons.join("")}${more}`);
    }
  }
  await writeFileStreamed(path, fileChunks(header, tensors, placed, alignment));
}

function alignmentOf(metadata: GgufMetadata): number {
  const entry = metadata.get("general.alignment");
  if (entry === undefined) return DEFAULT_ALIGNMENT;
  if (entry.type === "uint32" && entry.value > 0 && entry.value % 8 === 0) return entry.value;
  throw new UsageError("general.alignment must be a uint32, a multiple of 8 and not 0");
}

interface PlacedGgufTensor extends PlacedTensor, GgufTensor {}

function placeTensors(tensors: readonly WritableGgufTensor[], alignment: number): readonly PlacedGgufTensor[] {
  const names = new Set<string>();
  let end = 0;
  return tensors.map(({ name, shape, typeName }) => {
    if (names.has(name)) throw new UsageError(`two tensors are named ${excerpt(name)}: rename one`);
    names.add(name);
    const type = typeToWrite(name, typeName);
    const byteLength = byteLengthToWrite(name, type, shape);
    const offset = alignUp(end, alignment);
    end = offset + byteLength;
    return { name, shape, type: type.id, typeId: type.id, typeName, byteLength, offset };
  });
}

function typeToWrite(name: string, typeName: string): GgufType {
  const type = typeByName(typeName);
  if (type !== undefined) return type;
  const known = ggufTypes.map((each) => each.name).join(", ");
  throw new UsageError(`tensor ${excerpt(name)} has an unknown type ${excerpt(typeName)}; known are ${known}`);
}

function byteLengthToWrite(name: string, type: GgufType, shape: Shape): number {
  if (shape.length > 4) throw new ShapeError(`tensor ${excerpt(name)} has ${shape.length} axes, GGUF has at most 4`);
  shape.forEach((size, axis) => {
    checkSize(`size ${axis} of tensor ${excerpt(name)}`, size, 0);
  });
  const byteLength = ggufByteLength(type, shape);
  if (byteLength !== undefined) return byteLength;
  const rule = `rows must be whole blocks of ${type.blockElements} elements`;
  throw new ShapeError(`tensor ${excerpt(name)}, ${type.name} ${formatShape(shape)}: ${rule}`);
}

async function* fileChunks(
  header: Uint8Array,
  tensors: readonly WritableGgufTensor[],
  placed: readonly PlacedGgufTensor[],
  alignment: number,
): AsyncGenerator<Uint8Array> {
  yield header;
  yield new Uint8Array(alignUp(header.length, alignment) - header.length);
  for (const [i, { name, byteLength }] of placed.entries()) {
    let written = 0;
    for await (const chunk of tensors[i].chunks()) {
      written += chunk.length;
      if (written > byteLength) break;
      yield chunk;
    }
    if (written !== byteLength) {
      const got = written > byteLength ? "more" : `only ${written}`;
      throw new ShapeError(`tensor ${excerpt(name)} must have ${byteLength} bytes, its chunks have ${got}`);
    }
    yield new Uint8Array(alignUp(byteLength, alignment) - byteLength); // the last one, too: llama.cpp reads beyond it
  }
}
