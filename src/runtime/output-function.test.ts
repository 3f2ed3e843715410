import fc from "fast-check";
import { expect, test } from "vitest";
import { hostFunctions } from "./ops/activation.ts";
import { applyOutputFunction } from "./output-function.ts";

const EDGES = [0, -0, 2 ** -149, -(2 ** -149), 3e38, -3e38, Infinity, -Infinity];

/** NaNs of both signs and any payload, too. */
const bits = fc.oneof(fc.integer(), fc.constantFrom(0x7fc0_0000, -0x40_0000, 0x7f80_0001, -0x7f_ffff, -1));

test.each(["relu", "squaredRelu"] as const)("%s equals its definition for every float there is", (name) => {
  fc.assert(
    fc.property(fc.array(bits, { minLength: 1 }), (all) => {
      const values = new Float32Array([...new Float32Array(Int32Array.from(all).buffer), ...EDGES, Number.NaN]);
      const expected = values.map(hostFunctions[name].apply);
      applyOutputFunction(values, name);
      expect(Array.from(values)).toEqual(Array.from(expected));
    }),
    { numRuns: 300 },
  );
});

test("only the values of the array change, not what lies around it", () => {
  const buffer = Float32Array.of(-1, -2, 3, -4);
  applyOutputFunction(buffer.subarray(1, 3), "squaredRelu");
  expect(Array.from(buffer)).toEqual([-1, 0, 9, -4]);
});
