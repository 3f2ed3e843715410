/** Damaged ONNX files give errors of ours or read as what they say, and nothing else. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesField, fileOf, integerField, textField, varint, writtenFile } from "../../../test/support/onnx-files.ts";
import { BitLinearError, FileError } from "../../core/errors.ts";
import { type OnnxReader, onnxWeights, openOnnx, readOnnxRows } from "./index.ts";

/** Opens a file and reads all it holds, as a conversion does. */
async function readAll(reader: OnnxReader): Promise<void> {
  for (const { name, byteLength, dtype } of reader.tensors.values()) {
    if (dtype === undefined) continue;
    if ((await reader.read(name)).length !== byteLength) throw new Error("length");
  }
  for (const weight of onnxWeights(reader).weights) await readOnnxRows(reader, weight, 0, weight.matrix.outFeatures);
}

async function survives(damaged: Uint8Array): Promise<void> {
  try {
    await using reader = await openOnnx(damaged);
    await readAll(reader);
  } catch (error) {
    if (!(error instanceof BitLinearError)) throw error;
    expect(error.message.length).toBeLessThan(1000);
    if (error instanceof FileError) expect(error.offset ?? 0).toBeLessThanOrEqual(damaged.length);
  }
}

const handMade = fileOf(
  integerField(1, 3),
  integerField(2, 3),
  bytesField(5, [1, ...varint(-1), 5]),
  textField(8, "w"),
);

test("files with random damage give errors of ours, or read", async () => {
  const edit = fc.record({ at: fc.nat(), length: fc.nat(12), bytes: fc.uint8Array({ maxLength: 12 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(writtenFile, handMade),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      async (bytes, edits) => {
        const damaged = edits.reduce((file, { at, length, bytes: inserted }) => {
          const start = at % (file.length + 1);
          return Uint8Array.from([...file.subarray(0, start), ...inserted, ...file.subarray(start + length)]);
        }, bytes);
        await survives(damaged);
      },
    ),
    { numRuns: 3000 },
  );
});

test("files with single bits changed, and cut at every byte", async () => {
  for (let at = 0; at < writtenFile.length; at++) {
    await survives(writtenFile.slice(0, at));
    const changed = writtenFile.slice();
    changed[at] ^= 1 << (at % 8);
    await survives(changed);
  }
});
