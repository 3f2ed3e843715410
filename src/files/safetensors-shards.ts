/**
 * A model in several safetensors files with an index, as Hugging Face names them:
 *
 *     model.safetensors.index.json   model-00001-of-00003.safetensors   model-00002-of-00003.safetensors   ...
 */
import { UsageError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { nodeModule } from "./node-modules.ts";
import { planSafetensors } from "./safetensors-plan.ts";
import { type StreamedTensor, writeSafetensorsStreamed } from "./safetensors-writer.ts";
import { writeFileStreamed } from "./streamed-file.ts";
import { excerpt } from "./utf8.ts";

/** How a model is divided. */
export interface ShardOptions {
  /** Bytes of tensors that a shard holds at most, 5 GB by default; a larger tensor is a shard of its own. */
  readonly maxShardByteLength?: number;
}

const INDEX_SUFFIX = ".safetensors.index.json";
const MOST_SHARDS = 99_999; // of five digits

/**
 * Writes the shards of a model, in the order that its tensors are given in, then their index: while that is missing or the old
 * one, the shards are no model.
 *
 * @param path of the index, `<name>.safetensors.index.json`; the shards are put beside it
 * @throws UsageError for another path, and as `writeSafetensors` does
 * @throws ShapeError when bytes do not match dtype and shape
 * @throws FileError when a file cannot be written
 * @throws UnsupportedError outside of Node
 */
export async function writeSafetensorsShards(
  path: string,
  tensors: Iterable<StreamedTensor>,
  metadata: Readonly<Record<string, string>> = {},
  { maxShardByteLength = 5e9 }: ShardOptions = {},
): Promise<void> {
  checkSize("maxShardByteLength", maxShardByteLength);
  const { basename, dirname, join } = nodeModule("node:path", path);
  const name = basename(path).slice(0, -INDEX_SUFFIX.length);
  if (!path.endsWith(INDEX_SUFFIX) || name === "") {
    throw new UsageError(`the index of a sharded model is named <name>${INDEX_SUFFIX}, got ${excerpt(basename(path))}`);
  }
  const all = [...tensors];
  planSafetensors(all, metadata); // names and sizes are checked before anything is written
  const shards = divide(all, maxShardByteLength);
  const weightMap: [string, string][] = [];
  for (const [i, shard] of shards.entries()) {
    const number = [i + 1, shards.length].map((n) => `${n}`.padStart(5, "0"));
    const file = `${name}-${number.join("-of-")}.safetensors`;
    await writeSafetensorsStreamed(join(dirname(path), file), shard, metadata);
    weightMap.push(...shard.map((tensor): [string, string] => [tensor.name, file]));
  }
  const totalByteLength = all.reduce((sum, { byteLength }) => sum + byteLength, 0);
  await writeFileStreamed(path, [encodeIndex(weightMap, totalByteLength)]);
}

function divide(tensors: readonly StreamedTensor[], maxShardByteLength: number): readonly StreamedTensor[][] {
  const shards: StreamedTensor[][] = [];
  let left = 0;
  for (const tensor of tensors) {
    if (shards.length === 0 || tensor.byteLength > left) {
      shards.push([]);
      left = maxShardByteLength;
    }
    shards[shards.length - 1].push(tensor);
    left = Math.max(0, left - tensor.byteLength);
  }
  if (shards.length <= MOST_SHARDS) return shards;
  throw new UsageError(
    `this would make ${shards.length} shards, at most ${MOST_SHARDS} have a name: let them be larger`,
  );
}

/** Written member by member: an object would reorder names that look like numbers and swallow "__proto__". */
function encodeIndex(weightMap: readonly (readonly [string, string])[], totalByteLength: number): Uint8Array {
  const members = weightMap.map(([name, file]) => `    ${JSON.stringify(name)}: ${JSON.stringify(file)}`);
  const map = members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n  }`;
  const metadata = `{\n    "total_size": ${totalByteLength}\n  }`;
  return new TextEncoder().encode(`{\n  "metadata": ${metadata},\n  "weight_map": ${map}\n}\n`);
}
