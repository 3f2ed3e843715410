import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ShapeError, UsageError } from "../core/errors.ts";
import { arrayByteLength, elementTypeNames } from "./element-types.ts";
import { type TensorEntry, tensorEntry, writeSafetensors } from "./safetensors.ts";
import { type StreamedTensor, writeSafetensorsStreamed } from "./safetensors-writer.ts";

let folder: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-writer-"));
  path = join(folder, "model.safetensors");
});

afterAll(() => rm(folder, { recursive: true }));

/** A tensor that gives its bytes in parts of this size. */
function inParts({ bytes, ...stored }: TensorEntry, partByteLength: number): StreamedTensor {
  return {
    ...stored,
    byteLength: bytes.length,
    async *chunks() {
      for (let at = 0; at < bytes.length; at += partByteLength) yield bytes.subarray(at, at + partByteLength);
    },
  };
}

const tensors: fc.Arbitrary<TensorEntry> = fc
  .tuple(
    fc.string({ unit: "binary", minLength: 1, maxLength: 8 }).filter((name) => name !== "__metadata__"),
    fc.constantFrom(...elementTypeNames),
    fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
  )
  .chain(([name, dtype, shape]) => {
    const length = arrayByteLength(dtype, shape) ?? 0;
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => ({ name, dtype, shape, bytes }));
  });

test("the bytes are those of writeSafetensors, whatever the parts", async () => {
  const models = fc.uniqueArray(tensors, { selector: ({ name }) => name, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(models, fc.integer({ min: 1, max: 40 }), async (model, partByteLength) => {
      const metadata = { format: "pt", __proto__x: "ü" };
      await writeSafetensorsStreamed(
        path,
        model.map((tensor) => inParts(tensor, partByteLength)),
        metadata,
      );
      expect(new Uint8Array(await readFile(path))).toEqual(writeSafetensors(model, metadata));
    }),
    { numRuns: 60 },
  );
});

test("tensors are asked for their bytes one after the other", async () => {
  const events: string[] = [];
  const tensor = (name: string): StreamedTensor => ({
    ...{ name, dtype: "U8", shape: [2], byteLength: 2 },
    *chunks() {
      events.push(`${name} begins`);
      yield Uint8Array.of(1, 2);
      events.push(`${name} ends`);
    },
  });
  await writeSafetensorsStreamed(path, [tensor("b"), tensor("a")]);
  expect(events).toEqual(["a begins", "a ends", "b begins", "b ends"]);
});

test("too few bytes and too many leave the file that is there", async () => {
  await writeSafetensorsStreamed(path, []);
  const before = await readFile(path);
  for (const values of [Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3, 4), new Uint8Array(0)]) {
    const tensor = { ...inParts(tensorEntry("w", [values.length], values), 1), shape: [3], byteLength: 3 };
    await expect(writeSafetensorsStreamed(path, [tensor])).rejects.toThrow(ShapeError);
    await expect(writeSafetensorsStreamed(path, [tensor])).rejects.toThrow(/"w" must have 3 bytes together, got \d/);
  }
  expect(await readFile(path)).toEqual(before);
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("what cannot be written is refused before anything is", async () => {
  const tensor = inParts(tensorEntry("w", [1], Uint8Array.of(1)), 1);
  await expect(writeSafetensorsStreamed(path, [tensor, tensor])).rejects.toThrow(UsageError);
  await expect(writeSafetensorsStreamed(path, [{ ...tensor, name: "" }])).rejects.toThrow(UsageError);
  await expect(writeSafetensorsStreamed(path, [{ ...tensor, shape: [2] }])).rejects.toThrow(ShapeError);
  await expect(writeSafetensorsStreamed(path, [{ ...tensor, byteLength: 0 }])).rejects.toThrow(ShapeError);
});
