import { expect, test, vi } from "vitest";
import { canShareMemory, hasRelaxedSimd, hasSimd } from "./features.ts";

test("Node has SIMD, and relaxed SIMD from version 21 on", () => {
  expect(hasSimd()).toBe(true);
  expect(hasRelaxedSimd()).toBe(Number.parseInt(process.versions.node, 10) >= 21);
});

test("an engine without WebAssembly has neither", () => {
  vi.stubGlobal("WebAssembly", undefined);
  expect([hasSimd(), hasRelaxedSimd()]).toEqual([false, false]);
  vi.unstubAllGlobals();
});

test("threads share memory in Node, and elsewhere where the page is isolated", () => {
  expect(canShareMemory()).toBe(true);
  vi.stubGlobal("process", undefined);
  expect(canShareMemory()).toBe(false);
  vi.stubGlobal("crossOriginIsolated", true);
  expect(canShareMemory()).toBe(true);
  vi.stubGlobal("SharedArrayBuffer", undefined);
  expect(canShareMemory()).toBe(false);
  vi.unstubAllGlobals();
});
