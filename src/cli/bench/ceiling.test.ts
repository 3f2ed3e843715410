import { expect, test } from "vitest";
import { type Backend, openBackend } from "../../backends/index.ts";
import { type Ceiling, higherCeiling, measureCeiling } from "./ceiling.ts";

const reference = await openBackend("reference");
const measuring: Backend = {
  ...reference,
  kernels: ["large", "small", "plain"],
  ceilings: {
    measureDramRead: (threads) => 10 * threads,
    measureInt8Dot: (threads, kernel) => ({ large: 100 * threads, small: 50 * threads })[kernel],
  },
};

test("the peak is that of the best instruction; kernels without one have none", () => {
  expect(measureCeiling([reference, measuring], 2)).toEqual({
    ...{ threads: 2, dramReadGBps: 20, int8DotGops: 200 },
    int8DotGopsOf: { large: 200, small: 100 },
  });
});

test("where no backend can measure, ceilings are unknown", () => {
  const unknown = { threads: 1, dramReadGBps: null, int8DotGops: null, int8DotGopsOf: {} };
  expect(measureCeiling([reference], 1)).toEqual(unknown);
  expect(higherCeiling(unknown, unknown)).toEqual(unknown);
});

test("of two measurements the higher figures count", () => {
  const one: Ceiling = { threads: 1, dramReadGBps: 9, int8DotGops: 100, int8DotGopsOf: { a: 100, b: 50 } };
  const other: Ceiling = { threads: 1, dramReadGBps: 10, int8DotGops: 90, int8DotGopsOf: { a: 90, b: 60 } };
  expect(higherCeiling(one, other)).toEqual({ ...one, dramReadGBps: 10, int8DotGopsOf: { a: 100, b: 60 } });
});
