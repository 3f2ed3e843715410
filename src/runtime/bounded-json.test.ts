import fc from "fast-check";
import { expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { type JsonLimits, parseBoundedJson } from "./bounded-json.ts";

const limits: JsonLimits = { length: 1000, depth: 4, values: 20 };
const parse = (text: string, within = limits): unknown => parseBoundedJson(text, within, "the text", "f");

test("JSON within the limits is parsed as always", () => {
  const unlimited: JsonLimits = { length: 1e9, depth: 1e9, values: 1e9 };
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(parse(text, unlimited)).toEqual(JSON.parse(text));
    }),
  );
});

test.each([
  ["exactly as deep as allowed", "[[[[]]]]"],
  ["brackets and commas in strings", `["[[[[[[[[", "\\"[[[[[[[[", "\\\\", "{,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"]`],
  ["one key in several objects, and as a value", `[{"a":"a"},{"a":{"a":["a","a:"]},"b":"a"}]`],
  ["as many values as allowed", `[${"1,".repeat(19)}1]`],
  ["as long as allowed", JSON.stringify("x".repeat(998))],
])("%s passes", (_, text) => {
  expect(parse(text)).toEqual(JSON.parse(text));
});

test.each([
  ["one level too deep", "[[[[{}]]]]", "the text may nest at most 4 levels, character 4 opens one more"],
  ["deep behind a string that ends in a backslash", `{"\\\\":[[[[`, "the text may nest at most 4 levels"],
  [
    "one value too many",
    `[${"1,".repeat(20)}1]`,
    "the text may hold at most 20 values, there are more at character 40",
  ],
  ["one character too long", JSON.stringify("x".repeat(999)), "the text may have at most 1000 characters, got 1001"],
  ["no JSON", "{", "the text is not valid JSON"],
  ["nothing", "", "the text is not valid JSON"],
  ["a key that stands twice", `{"a":1,"b":{"a":1},"a":2}`, `the text has the key "a" twice in one object`],
  ["two spellings of one key", String.raw`[{"\"a":1, "\u0022a" : 2}]`, "the text has the key"],
  ["closed too often", "]]]]", "the text is not valid JSON"],
])("%s is refused", (_, text, message) => {
  expect(() => parse(text)).toThrow(FileError);
  expect(() => parse(text)).toThrow(`f: ${message}`);
});
