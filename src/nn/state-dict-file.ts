/** Parameters by name in safetensors files, the format in which PyTorch's state dicts are shared. */
import {
  type ByteSource,
  parseSafetensors,
  pathOfTarget,
  readBytes,
  readFloat32,
  tensorEntry,
  writeFileAtomic,
  writeSafetensors,
} from "../files/index.ts";
import { Module } from "./module.ts";
import { isStepCounter, type StateDict } from "./state-dict.ts";

/**
 * Writes parameters by name as a safetensors file of F32 tensors, atomically: a crash leaves the old file or the new one.
 *
 * @param target a path or a `file:` URL
 * @param metadata texts for the file's header; none by default
 * @throws FileError when the file cannot be written
 * @throws ShapeError when an entry's data do not match its shape, UsageError for names or metadata a file cannot hold
 * @throws UnsupportedError outside of Node, and for URLs of other kinds
 */
export async function saveStateDict(
  source: StateDict | Module,
  target: string | URL,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const path = pathOfTarget(target, "save it in Node, and send the file");
  const state = source instanceof Module ? source.stateDict() : source;
  const tensors = Object.entries(state).map(([name, { shape, data }]) => tensorEntry(name, shape, data));
  await writeFileAtomic(path, writeSafetensors(tensors, metadata));
}

/**
 * Reads a safetensors file for `loadStateDict`. F32, F16 and BF16 are taken exactly, F64 is rounded to float32; the
 * integers named `num_batches_tracked`, which PyTorch's batch norms save, are left out.
 *
 * @param source a path, a URL, a `File` or `Blob`, or the bytes, which are copied
 * @throws FileError when the file cannot be read, is damaged, or holds other tensors than floats
 */
export async function loadStateDictFile(source: ByteSource): Promise<StateDict> {
  const { bytes, file } = await readBytes(source);
  const entries = [...parseSafetensors(bytes, file).tensors.values()].filter(({ name }) => !isStepCounter(name));
  return Object.fromEntries(
    entries.map((entry) => {
      const data = readFloat32(entry, file);
      return [entry.name, { shape: entry.shape, data: data.buffer === bytes.buffer ? data.slice() : data }];
    }),
  );
}
