import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileError, ShapeError, UnsupportedError } from "../core/errors.ts";
import { checkDataset, sampleCount } from "./dataset.ts";
import { characterDataset, loadTinyShakespeare, Vocabulary } from "./text.ts";

const wholeText = fc.string({ unit: "binary", minLength: 1 }); // any code point, also beyond 16 bits

test("what a vocabulary of a text encodes, it decodes", () => {
  fc.assert(
    fc.property(wholeText, (text) => {
      const vocabulary = Vocabulary.of(text);
      expect(vocabulary.decode(vocabulary.encode(text))).toBe(text);
      expect(new Vocabulary(vocabulary.characters).encode(text)).toEqual(vocabulary.encode(text));
    }),
  );
});

test("characters stand in the order of their code points, which is not that of UTF-16", () => {
  expect(Vocabulary.of("b\uffffa🙂b").characters).toEqual(["a", "b", "\uffff", "🙂"]);
});

test("an unknown character is named, with its place and what is known", () => {
  expect(() => Vocabulary.of("abc").encode("🙂ab")).toThrow(UnsupportedError);
  expect(() => Vocabulary.of("abc").encode("a🙂é")).toThrow(
    /lacks "🙂" \(U\+1F642, character 1 .* 3 characters are "abc"/,
  );
});

test.each([3, -1, 0.5, Number.NaN])("the index %d of three characters is refused", (index) => {
  expect(() => Vocabulary.of("abc").decode([0, index])).toThrow(ShapeError);
});

test.each([[[]], [["a", "a"]], [["ab"]], [[""]]])("a vocabulary of %o is refused", (characters) => {
  expect(() => new Vocabulary(characters)).toThrow(ShapeError);
});

test("each target is the character after its input, and the test split is the end of the text", () => {
  const text = "abcdefghijklmnopqrst";
  const { train, test, vocabulary } = characterDataset(text, { sequenceLength: 3, validationShare: 0.25 });
  expect(checkDataset(train).inputShape).toEqual([3]);
  expect(checkDataset(test).targetShape).toEqual([3]);
  expect(vocabulary.decode(train.inputs)).toBe("abcdefghijkl"); // of the 15 characters, o is only a target
  expect(vocabulary.decode(train.targets)).toBe("bcdefghijklm");
  expect(vocabulary.decode(test.inputs)).toBe("pqr");
  expect(vocabulary.decode(test.targets)).toBe("qrs");
});

test("every split holds as many samples as fit", () => {
  const lengths = fc.record({
    length: fc.integer({ min: 30, max: 400 }),
    sequenceLength: fc.integer({ min: 1, max: 13 }),
  });
  fc.assert(
    fc.property(lengths, ({ length, sequenceLength }) => {
      const { train, test } = characterDataset("ab".repeat(length), { sequenceLength, validationShare: 0.5 });
      expect(sampleCount(train)).toBe(Math.floor((length - 1) / sequenceLength));
      expect(sampleCount(test)).toBe(sampleCount(train));
    }),
  );
});

test.each<[string, { sequenceLength: number; validationShare?: number }, RegExp]>([
  ["abcdefghij", { sequenceLength: 0 }, /sequenceLength .* got 0/],
  ["abcdefghij", { sequenceLength: 2, validationShare: 0 }, /validationShare .* got 0/],
  ["abcdefghij", { sequenceLength: 2, validationShare: 1 }, /validationShare .* got 1/],
  ["abcdefghij", { sequenceLength: 2, validationShare: Number.NaN }, /got NaN/],
  [
    "abcdefghij",
    { sequenceLength: 4, validationShare: 0.4 },
    /"text, test" holds 4 characters, but one sample takes 5/,
  ],
  ["abcdefghij", { sequenceLength: 4, validationShare: 0.6 }, /"text, training" holds 4 characters/],
  ["", { sequenceLength: 1 }, /one or more different characters/],
])("%o with %o is refused", (text, options, message) => {
  expect(() => characterDataset(text, options)).toThrow(ShapeError);
  expect(() => characterDataset(text, options)).toThrow(message);
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "bitlinear-text-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("tiny Shakespeare is found in the directory or its folder", async () => {
  await expect(loadTinyShakespeare(directory)).rejects.toThrow(/expected input\.txt or tinyshakespeare\/input\.txt/);
  await writeFile(join(directory, "input.txt"), "To be");
  expect(await loadTinyShakespeare(directory)).toBe("To be");
  await mkdir(join(directory, "tinyshakespeare"));
  await writeFile(join(directory, "tinyshakespeare", "input.txt"), "or not to be");
  expect(await loadTinyShakespeare(directory)).toBe("or not to be");
});

test("bytes that are not text are refused", async () => {
  await writeFile(join(directory, "input.txt"), Uint8Array.of(0x41, 0xff, 0xfe));
  await expect(loadTinyShakespeare(directory)).rejects.toThrow(FileError);
  await expect(loadTinyShakespeare(directory)).rejects.toThrow(/input\.txt: .* must be UTF-8 text/);
});

test.runIf(process.platform !== "win32")("a pipe in place of a file is refused, not waited for", async () => {
  execFileSync("mkfifo", [join(directory, "input.txt")]);
  await expect(loadTinyShakespeare(directory)).rejects.toThrow(/input\.txt: this is no regular file/);
});
