import { expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import type { Graph } from "./graph.ts";
import { readModelHeader, writeModelHeader } from "./model-header.ts";

const graph: Graph = { nodes: [], output: 0, inputShape: [3, null], sampleShape: [3, 5] };

/** A hang, not a figure. */
const HANG_MS = 30_000;
/** Far above what one text may cost (200 MB, most of it until the next garbage collection), far below what hurts a machine. */
const MAX_GROWTH_BYTES = 500e6;

test("a header is read as it was written", () => {
  expect(readModelHeader(writeModelHeader(graph), "f")).toEqual(graph);
});

const million = 1_000_000;
const half = 500_000;
const wide = (text: string, count: number): string => `[${new Array(count).fill(text).join(",")}]`;
const node = (members: object): string =>
  JSON.stringify({ name: "n", op: "add", inputs: [], attributes: {}, tensors: [], ...members });

test.each<[string, string, RegExp]>([
  ["a million levels", `${"[".repeat(million)}${"]".repeat(million)}`, /nest at most 8 levels/],
  ["a million objects within objects", '{"a":'.repeat(million), /nest at most 8 levels/],
  ["millions of lists", wide("[]", 2 * million), /hold at most 524288 values/],
  ["a text of 20 MB", JSON.stringify("x".repeat(20 * million)), /at most 8388608 characters/],
  [
    "half a million members of one name",
    `{"version":1${',"a":1'.repeat(half)}}`,
    /has the key "a" twice in one object/,
  ],
  [
    "one member of a long name twice",
    `{"${"x".repeat(million)}":1,"${"x".repeat(million)}":1}`,
    /has the key "x+… twice/,
  ],
  [
    "half a million members",
    `{${Array.from({ length: half }, (_, i) => `"a${i}":1`).join(",")}}`,
    /an object of at most/,
  ],
  ["too many nodes", headerOf(wide(node({}), 10_000)), /bitlinear\.nodes must be a list of at most 8192 items/],
  [
    "half a million inputs",
    headerOf(`[${node({ inputs: new Array(half).fill(0) })}]`),
    /nodes\[0\]\.inputs must be a list of at/,
  ],
  [
    "a name of a million characters",
    headerOf(`[${node({ name: "x".repeat(million) })}]`),
    /nodes\[0\]\.name must be a text of/,
  ],
  [
    "a shape of half a million axes",
    headerOf(`[${node({ tensors: [floats(new Array(half).fill(1))] })}]`),
    /shape must be a list/,
  ],
  [
    "a size of 0",
    headerOf(`[${node({ tensors: [floats([0])] })}]`),
    /tensors\[0\]\.shape\[0\] must be a whole number from 1/,
  ],
  [
    "a number beyond float64",
    headerOf(`[${node({ attributes: { eps: 0 } }).replace('"eps":0', '"eps":1e999')}]`),
    /attributes\.eps must be a finite number/,
  ],
  [
    "an attribute called __proto__",
    headerOf(`[${node({}).replace("{}", '{"__proto__":1}')}]`),
    /attributes must be made of names/,
  ],
  [
    "an input of size -1",
    `{"version":1,"writtenBy":"x","nodes":[],"output":0,"inputShape":[-1]}`,
    /inputShape\[0\] must be/,
  ],
])("%s: refused soon, in little memory and few words", (_, text, message) => {
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const error = refusal(text);
  expect(performance.now() - start).toBeLessThan(HANG_MS);
  expect(process.memoryUsage().rss - before).toBeLessThan(MAX_GROWTH_BYTES);
  expect(error).toBeInstanceOf(FileError);
  expect(error).toMatchObject({ message: expect.stringMatching(message) });
  expect(error).toMatchObject({ message: expect.stringMatching(/^.{1,400}$/) });
});

test("as many nodes as are allowed are read", () => {
  const nodes = Array.from({ length: 8192 }, (_, i) => node({ name: `${i}`, inputs: [i] })).join(",");
  expect(readModelHeader(headerOf(`[${nodes}]`), "f").nodes).toHaveLength(8192);
});

function refusal(text: string): unknown {
  try {
    return readModelHeader(text, "f");
  } catch (error) {
    return error;
  }
}

function headerOf(nodes: string): string {
  return `{"version":1,"writtenBy":"x","nodes":${nodes},"output":0}`;
}

function floats(shape: readonly number[]): object {
  return { name: "t", kind: "float32", shape };
}
