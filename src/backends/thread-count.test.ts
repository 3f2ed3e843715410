import { availableParallelism } from "node:os";
import { afterEach, expect, test, vi } from "vitest";
import { UsageError } from "../core/errors.ts";
import { coreCount, parseCpuList, threadCount } from "./thread-count.ts";

afterEach(() => vi.unstubAllEnvs());

test("an option wins over the environment, which wins over the cores", () => {
  vi.stubEnv("BITLINEAR_THREADS", "");
  expect(threadCount(undefined)).toBe(coreCount());
  vi.stubEnv("BITLINEAR_THREADS", "7");
  expect(threadCount(undefined)).toBe(7);
  expect(threadCount(1024)).toBe(1024);
});

test.each([0, -1, 1.5, 1025, 1e9, Number.NaN, Number.POSITIVE_INFINITY])("%s threads are refused", (threads) => {
  expect(() => threadCount(threads)).toThrow(UsageError);
  expect(() => threadCount(threads)).toThrow(`threads must be a whole number from 1 to 1024, got ${threads}`);
});

test.each(["0", "two", "2 3", "1e9", " "])("BITLINEAR_THREADS=%j is refused", (value) => {
  vi.stubEnv("BITLINEAR_THREADS", value);
  expect(() => threadCount(undefined)).toThrow(`BITLINEAR_THREADS must be a whole number from 1 to 1024, got ${value}`);
});

test("there is a core, and no more than the system gives", () => {
  expect(coreCount()).toBeGreaterThanOrEqual(1);
  expect(coreCount()).toBeLessThanOrEqual(availableParallelism());
});

test("lists of processors are read as Linux writes them", () => {
  expect(parseCpuList("0-3,8,10-11")).toEqual([0, 1, 2, 3, 8, 10, 11]);
  expect(parseCpuList("")).toEqual([]);
});
