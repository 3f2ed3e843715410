import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import { parseIdx, readIdx } from "./idx.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "bitlinear-idx-"));
});
afterAll(() => rm(directory, { recursive: true }));

function idxBytes(shape: readonly number[], values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
  bytes.set([0, 0, 0x08, shape.length]);
  const view = new DataView(bytes.buffer);
  for (const [axis, size] of shape.entries()) view.setUint32(4 + 4 * axis, size);
  bytes.set(values, 4 + 4 * shape.length);
  return bytes;
}

const smallShape = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });

test("what is written is read, from any place in a larger buffer", () => {
  fc.assert(
    fc.property(smallShape, fc.nat(7), (shape, offset) => {
      const values = Uint8Array.from({ length: elementCount(shape) }, (_, i) => (i * 37) % 256);
      const bytes = idxBytes(shape, values);
      const within = new Uint8Array(bytes.length + offset + 3);
      within.set(bytes, offset);
      expect(parseIdx(within.subarray(offset, offset + bytes.length), "a.idx")).toEqual({ shape, values });
    }),
  );
});

test.each<[string, Uint8Array, number, RegExp]>([
  ["an empty file", new Uint8Array(0), 0, /header of 4 bytes, got 0/],
  ["another file", new TextEncoder().encode("<!doctype html>"), 0, /not an idx file/],
  ["floats", Uint8Array.of(0, 0, 0x0d, 1, 0, 0, 0, 0), 2, /got type 0x0d/],
  ["no dimension", Uint8Array.of(0, 0, 8, 0), 3, /1 to 8 dimensions, got 0/],
  ["255 dimensions", new Uint8Array(2000).fill(255).fill(0, 0, 2).fill(8, 2, 3), 3, /1 to 8 dimensions, got 255/],
  ["a cut header", Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 1, 0), 9, /2 sizes up to byte 12, got 9/],
  ["a size of zero", idxBytes([2, 0], []), 8, /at least 1, got \[2, 0\]/],
  ["a value too few", idxBytes([2, 3], [1, 2, 3, 4, 5]), 17, /needs 6 bytes after the header, got 5/],
  ["a value too many", idxBytes([2], [1, 2, 3]), 10, /needs 2 bytes after the header, got 3/],
  ["huge sizes", idxBytes(new Array(8).fill(0xffffffff), [1]), 37, /bytes after the header, got 1/],
])("%s is refused, and the error says where", (_, bytes, offset, message) => {
  try {
    parseIdx(bytes, "a.idx");
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ file: "a.idx", offset, message: expect.stringMatching(message) });
  }
});

test("damaged bytes give an array of the size they say, or a FileError", () => {
  const mutation = fc.record({ at: fc.nat(15), value: fc.integer({ min: 0, max: 255 }) });
  const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(mutations, fc.nat(24), (changes, length) => {
      const bytes = idxBytes([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
      for (const { at, value } of changes) bytes[at] = value;
      try {
        const { shape, values } = parseIdx(bytes.subarray(0, length), "a.idx");
        expect(values.length).toBe(elementCount(shape));
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});

test("plain and gzipped files are read alike, whatever their name", async () => {
  const expected = { shape: [3], values: Uint8Array.of(7, 8, 9) };
  await writeFile(join(directory, "plain.gz"), idxBytes([3], [7, 8, 9]));
  await writeFile(join(directory, "packed"), gzipSync(idxBytes([3], [7, 8, 9])));
  expect(await readIdx(join(directory, "plain.gz"))).toEqual(expected);
  expect(await readIdx(join(directory, "packed"))).toEqual(expected);
});

test("a gzip bomb is not unpacked beyond the limit", async () => {
  const path = join(directory, "bomb.gz");
  await writeFile(path, gzipSync(new Uint8Array(1_000_000)));
  await expect(readIdx(path, 10_000)).rejects.toThrow(/bomb\.gz: unpacks to more than 10000 bytes/);
});

test("damaged gzip data is an error of the file", async () => {
  const packed = gzipSync(idxBytes([3], [7, 8, 9]));
  const path = join(directory, "cut.gz");
  for (const length of [2, 9, packed.length - 9, packed.length - 1]) {
    await writeFile(path, packed.subarray(0, length));
    await expect(readIdx(path)).rejects.toThrow(FileError);
    await expect(readIdx(path)).rejects.toThrow(/gzip data is damaged .* fetch the file again/);
  }
});
