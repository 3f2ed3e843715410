/** `bitlinear inspect`: a saved model as what it runs, any other file of tensors as what it holds. */
import { openSafetensors } from "../../files/index.ts";
import { MODEL_KEY } from "../../runtime/model-header.ts";
import type { CommandContext } from "../commands/command.ts";
import { inspectSavedModel } from "../inspect-model.ts";

/** What `bitlinear inspect` takes. */
export interface InspectOptions {
  readonly report: string | undefined;
  readonly linearClass: string | undefined;
}

/** Prints what a file holds. @returns the exit code */
export async function inspectFile(path: string, options: InspectOptions, context: CommandContext): Promise<number> {
  if (options.report === undefined && (await isSavedModel(path))) return await inspectSavedModel(path, context);
  return await (await import("./inspect-checkpoint-file.ts")).inspectCheckpointFile(path, options, context);
}

/** A file that cannot be opened as safetensors is for others to read, or to refuse with what they know of it. */
async function isSavedModel(path: string): Promise<boolean> {
  try {
    await using reader = await openSafetensors(path);
    return Object.hasOwn(reader.metadata, MODEL_KEY);
  } catch {
    return false;
  }
}
