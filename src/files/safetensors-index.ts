/**
 * The index of a model in several safetensors files, `model.safetensors.index.json`:
 *
 *     {"metadata": {"total_size": 96}, "weight_map": {"tensor name": "model-00001-of-00002.safetensors", ...}}
 *
 * Only `weight_map` is used; other members may hold any JSON.
 */
import { HeaderCursor } from "./header-cursor.ts";
import { readObject, readString } from "./header-json.ts";
import { excerpt } from "./utf8.ts";

/** Longest index read here, in bytes: as much as a header may have. */
export const MAX_INDEX_BYTES = 100_000_000;

/** Most shards of a model: more than any has, few enough to be open at once. */
const MAX_SHARDS = 1000;

/** Deepest nesting of the members that are not used. */
const MAX_DEPTH = 32;

/** What names a file of the same folder on every system: nothing that leads out of it, and no drive or stream. */
const SHARD_NAME = /^[^/\\:\0]+\.safetensors$/;

/**
 * The tensors of each shard, in the order of the index.
 *
 * @throws FileError naming the byte when the index is damaged, or a shard is no plain file name
 */
export function readSafetensorsIndex(bytes: Uint8Array, file: string): ReadonlyMap<string, readonly string[]> {
  const cursor: HeaderCursor = new HeaderCursor(bytes, 0, bytes.length, file);
  const shards = new Map<string, string[]>();
  let hasMap = false;
  readObject(cursor, "the index", new Set(), (key) => {
    if (key !== "weight_map") skipValue(cursor, MAX_DEPTH);
    else {
      hasMap = true;
      readWeightMap(cursor, shards);
    }
  });
  cursor.expectEnd();
  if (!hasMap) cursor.fail("the index has no weight_map: this is the index of no safetensors model", 0);
  return shards;
}

function readWeightMap(cursor: HeaderCursor, shards: Map<string, string[]>): void {
  readObject(cursor, "weight_map", new Set(), (name) => {
    cursor.tensor = name;
    cursor.skipWhitespace();
    const at = cursor.at;
    const shard = readString(cursor, "the name of a shard in double quotes");
    if (!SHARD_NAME.test(shard)) {
      cursor.fail(`a shard must be a *.safetensors file beside its index, got ${excerpt(shard)}`, at);
    }
    const names = shards.get(shard);
    if (names !== undefined) names.push(name);
    else if (shards.size === MAX_SHARDS) cursor.fail(`a model of more than ${MAX_SHARDS} shards cannot be read`, at);
    else shards.set(shard, [name]);
    cursor.tensor = undefined;
  });
}

const NUMBER_OR_WORD = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Moves over any JSON value that is nested at most `depth` deep. */
function skipValue(cursor: HeaderCursor, depth: number): void {
  cursor.skipWhitespace();
  const next = cursor.text.charAt(cursor.at);
  if (depth === 0) cursor.fail(`values nested more than ${MAX_DEPTH} deep cannot be read`);
  if (next === `"`) readString(cursor, "text");
  else if (next === "{") readObject(cursor, "an object", new Set(), () => skipValue(cursor, depth - 1));
  else if (next === "[") skipArray(cursor, depth);
  else {
    NUMBER_OR_WORD.lastIndex = cursor.at;
    if (!NUMBER_OR_WORD.test(cursor.text)) cursor.failExpecting("a JSON value");
    cursor.at = NUMBER_OR_WORD.lastIndex;
  }
}

function skipArray(cursor: HeaderCursor, depth: number): void {
  cursor.expect("[", "to open an array");
  if (cursor.take("]")) return;
  do skipValue(cursor, depth - 1);
  while (cursor.take(","));
  cursor.expect("]", "to close an array");
}
