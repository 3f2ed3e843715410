/** The kinds of checkpoints: the only place that names them. */
import { FileError } from "../../core/errors.ts";
import type { ByteSource } from "../../files/index.ts";
import { CheckpointSource, type OpenCheckpointOptions } from "../checkpoint-source.ts";
import type { Checkpoint, CheckpointKind } from "./checkpoint.ts";
import { converted } from "./converted.ts";
import { deployedModel } from "./deployed-model.ts";
import { gguf } from "./gguf.ts";
import { hfBitnet } from "./hf-bitnet.ts";
import { npz } from "./npz.ts";
import { onnx } from "./onnx.ts";
import { safetensors } from "./safetensors.ts";

export type { Checkpoint, CheckpointKind, CheckpointTensor, FloatTensor, TernaryTensor } from "./checkpoint.ts";

/** Every kind; of those that share a container, the ones that say more of a file come first. */
export const checkpointKinds: readonly CheckpointKind[] = [
  gguf,
  npz,
  onnx,
  deployedModel,
  converted,
  hfBitnet,
  safetensors,
];

/**
 * Opens a file of tensors; its bytes tell its kind.
 *
 * @returns a checkpoint that holds its file open until it is disposed of
 * @throws FileError when the file cannot be read, is damaged or of no kind that is known
 */
export async function openCheckpoint(source: ByteSource, options: OpenCheckpointOptions = {}): Promise<Checkpoint> {
  const opened = await CheckpointSource.open(source, options);
  try {
    for (const kind of checkpointKinds) {
      const checkpoint = await kind.open(opened);
      if (checkpoint === undefined) continue;
      const { file, files } = opened;
      const readConfig = async () => (await opened.config())?.members;
      return { ...checkpoint, file, files, readConfig, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
    }
    const known = checkpointKinds.map(({ summary }) => summary).join("; ");
    throw new FileError(`this is no file of tensors that can be read here; known are: ${known}`, { file: opened.file });
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}
