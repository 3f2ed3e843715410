/** Safetensors files written tensor by tensor, so that a model of any size never has to be in memory. Node only. */
import { ShapeError } from "../core/errors.ts";
import type { StoredTensor } from "./safetensors-header.ts";
import { planSafetensors, type SafetensorsPlan } from "./safetensors-plan.ts";
import { writeFileStreamed } from "./streamed-file.ts";
import { excerpt } from "./utf8.ts";

/** A tensor whose bytes are made when they are written. */
export interface StreamedTensor extends StoredTensor {
  /** Little-endian elements in row-major order, `byteLength` bytes in parts of any size; asked for once. */
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * Writes a safetensors file, atomically; for equal tensors and metadata the bytes equal those of `writeSafetensors`.
 *
 * Tensors are asked for their bytes one after the other, by descending element size, then by name.
 *
 * @throws UsageError when a name is empty, reserved, duplicated or not Unicode text, or the metadata are not all text
 * @throws ShapeError when bytes do not match dtype and shape
 * @throws FileError when the file cannot be written
 * @throws UnsupportedError outside of Node
 */
export async function writeSafetensorsStreamed(
  path: string,
  tensors: Iterable<StreamedTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileStreamed(path, fileChunks(planSafetensors(tensors, metadata)));
}

/** The bytes of a planned file, in parts. @throws ShapeError when a tensor gives more or fewer than it announced */
export async function* fileChunks({ head, ordered }: SafetensorsPlan<StreamedTensor>): AsyncGenerator<Uint8Array> {
  yield head;
  for (const tensor of ordered) {
    let written = 0;
    for await (const chunk of tensor.chunks()) {
      written += chunk.length;
      if (written > tensor.byteLength) failLength(tensor, `${written} or more`);
      yield chunk;
    }
    if (written < tensor.byteLength) failLength(tensor, `${written}`);
  }
}

function failLength({ name, byteLength }: StoredTensor, got: string): never {
  throw new ShapeError(`the chunks of tensor ${excerpt(name)} must have ${byteLength} bytes together, got ${got}`);
}
