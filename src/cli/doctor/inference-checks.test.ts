import { expect, test } from "vitest";
import { type Backend, openBackend } from "../../backends/index.ts";
import { compareBits, compareWithin, runCheck } from "./check.ts";
import { checkBackend, checkFormats, openBackends } from "./inference-checks.ts";

test("backends and formats of this machine pass", async () => {
  expect(await checkFormats()).toMatchObject({ passed: true });
  for (const { backend, reason } of await openBackends()) {
    if (backend === undefined) expect(reason).toMatch(/\w/);
    else expect(await checkBackend(backend)).toMatchObject({ passed: true });
  }
});

test("a backend that is off in one bit of one output fails, with the place", async () => {
  const right = await openBackend();
  const wrong: Backend = {
    ...right,
    linear(planes, options) {
      const layer = right.linear(planes, options);
      return {
        ...layer,
        async run(x, m) {
          const y = await layer.run(x, m);
          if (y.length > 80) new Uint32Array(y.buffer, y.byteOffset)[80] ^= 1;
          return y;
        },
        [Symbol.dispose]: () => layer[Symbol.dispose](),
      };
    },
  };
  const { passed, detail } = await checkBackend(wrong);
  expect(passed).toBe(false);
  expect(detail).toMatch(/^kernel \w+, int8, \d+ x \d+ x \d+: value 80 should be .*, got /);
});

test("a check that throws has failed, and the program goes on", async () => {
  const failing = async () => {
    throw new Error("out of order");
  };
  expect(await runCheck("a check", failing)).toEqual({ name: "a check", passed: false, detail: "out of order" });
});

test("bits are compared, not values", () => {
  expect(compareBits("x", [Number.NaN, 1], [Number.NaN, 1])).toBe(2);
  expect(() => compareBits("x", [0], [-0])).toThrow("x: value 0 should be 0, got 0");
  expect(() => compareBits("x", [0], [0, 1])).toThrow("x: expected 2 values, got 1");
});

test("float sums may differ by their bound", () => {
  expect(compareWithin("x", [1, 2], [1.5, 2], [0.5, 0])).toBe(2);
  expect(() => compareWithin("x", [1, 2], [1.5, 2], [0.25, 0])).toThrow("x: value 0 should be 1.5, got 1");
  expect(() => compareWithin("x", [Number.NaN], [1], [9])).toThrow("x: value 0 should be 1, got NaN");
});
