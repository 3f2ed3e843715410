/**
 * .npz files by NumPy 2.4.6: `np.savez` and `np.savez_compressed` of the arrays below; "piped" went to a stream that cannot
 * seek, so that sizes stand behind the data.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { openNpz } from "../../src/files/index.ts";

const folder = join(import.meta.dirname, "numpy");
const weight = Float32Array.of(-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75);
const arrays = [
  { name: "layers.0.weight", dtype: "F32", shape: [3, 4], values: weight },
  { name: "layers.0.half", dtype: "F16", shape: [4], values: Float32Array.of(1, -2, 65504, 2 ** -24) },
  { name: "steps", dtype: "I64", shape: [], values: BigInt64Array.of(7n) },
  { name: "columns", dtype: "I32", shape: [2, 3], values: Int32Array.of(0, 1, 2, 3, 4, 5) },
  { name: "empty", dtype: "F32", shape: [0, 3], values: new Float32Array(0) },
  { name: "größe/a", dtype: "BOOL", shape: [2], values: Uint8Array.of(1, 0) },
];
const zeros = { name: "zeros", dtype: "F32", shape: [300, 200], values: new Float32Array(60_000) };

test.each([
  ["arrays.npz", arrays],
  ["compressed.npz", [...arrays, zeros]],
  ["piped.npz", [{ ...arrays[0], name: "w" }]],
  ["none.npz", []],
])("%s holds what NumPy wrote", async (file, expected) => {
  await using reader = await openNpz(join(folder, file));
  expect([...reader.tensors.keys()]).toEqual(expected.map(({ name }) => name));
  for (const { name, dtype, shape, values } of expected) {
    expect(reader.tensors.get(name)).toMatchObject({ dtype, shape });
    expect(await reader.read(name)).toEqual({ dtype, shape, values });
  }
});
