import fc from "fast-check";
import { expect, test } from "vitest";
import { type AxisOptions, layOutAxis } from "./axis.ts";

const pixels = [40, 440] as const;
const labels = (values: number[], options: Partial<AxisOptions> = {}) =>
  layOutAxis(values, pixels, { label: "value", ...options }).ticks.map((tick) => tick.label);

test("a value lies where its share of the domain says", () => {
  const axis = layOutAxis([0, 10], pixels, { label: "value" });
  expect(axis.domain).toEqual([0, 10]);
  expect([0, 2.5, 10].map(axis.position)).toEqual([40, 140, 440]);
  expect(axis.ticks).toContainEqual({ position: 200, label: "4" });
});

test("an axis may run upwards, as y does in pixels", () => {
  const axis = layOutAxis([0, 1], [200, 100], { label: "value" });
  expect([0, 0.25, 1].map(axis.position)).toEqual([200, 175, 100]);
});

test("a logarithmic axis gives equal room to equal ratios", () => {
  const axis = layOutAxis([1, 100, 1000, -5, 0], pixels, { label: "value", isLog: true });
  expect(axis.position(10) - axis.position(1)).toBeCloseTo(axis.position(1000) - axis.position(100), 9);
  expect(axis.position(1)).toBeGreaterThan(40);
  expect(axis.position(1000)).toBeLessThan(440);
  expect(labels([0.001, 10], { isLog: true })).toEqual(["0.001", "0.01", "0.1", "1", "10"]);
  expect(labels([1, 64], { isLog: true })).toEqual(["1", "2", "5", "10", "20", "50"]);
});

test("a domain is rounded outwards, unless it is tight, whole or limited", () => {
  const domain = (values: number[], options: Partial<AxisOptions>) =>
    layOutAxis(values, pixels, { label: "value", ...options }).domain;
  expect(domain([0.13, 9.7], {})).toEqual([0, 10]);
  expect(domain([0.13, 9.7], { isTight: true })).toEqual([0.13, 9.7]);
  expect(domain([1, 7], { isWhole: true })).toEqual([1, 7]);
  expect(domain([0.97, 0.97], { limits: [0, 1] })[1]).toBe(1);
  expect(domain([0.97, 1.3], { limits: [0, 1] })[1]).toBe(1.3); // data are never cut off
  expect(domain([-0.3, 0.5], { limits: [0, 1] })[0]).toBe(-0.3);
  expect(domain([3, 9.7], { includesZero: true })).toEqual([0, 10]);
});

test("ticks of one axis share their unit and their decimals", () => {
  expect(labels([0, 1])).toEqual(["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  expect(labels([0, 20_000])).toEqual(["0", "5k", "10k", "15k", "20k"]);
  expect(labels([0, 2e6])).toEqual(["0", "0.5M", "1M", "1.5M", "2M"]);
  expect(labels([0.95, 1], { numbers: "percent" })).toEqual(["95%", "96%", "97%", "98%", "99%", "100%"]);
  expect(labels([0, 2e6], { numbers: "bytes" })).toEqual(["0 B", "500 kB", "1 MB", "1.5 MB", "2 MB"]);
  expect(labels([1, 2], { isWhole: true })).toEqual(["1", "2"]);
});

test("constant, absent and undrawable values give an axis with a length", () => {
  expect(layOutAxis([5, 5], pixels, { label: "value", isTight: true }).domain).toEqual([4.5, 5.5]);
  expect(layOutAxis([0], pixels, { label: "value" }).domain).toEqual([-1, 1]);
  expect(layOutAxis([0], pixels, { label: "value", includesZero: true }).domain).toEqual([0, 1]);
  expect(layOutAxis([], pixels, { label: "value" }).domain).toEqual([0, 1]);
  expect(layOutAxis([Number.NaN, Number.POSITIVE_INFINITY, 1e300], pixels, { label: "value" }).domain).toEqual([0, 1]);
});

test("whatever the values, the domain holds them and every tick lies on the axis", () => {
  const options = fc.record({
    label: fc.constant("value"),
    isLog: fc.boolean(),
    isWhole: fc.boolean(),
    isTight: fc.boolean(),
    includesZero: fc.boolean(),
    numbers: fc.constantFrom("number", "percent", "bytes" as const),
  });
  fc.assert(
    fc.property(fc.array(fc.double()), options, (values, options) => {
      const axis = layOutAxis(values, pixels, options);
      const [low, high] = axis.domain;
      expect(low).toBeLessThan(high);
      for (const value of values) {
        const isDrawable = Math.abs(value) <= 1e150 && (!options.isLog || value >= 1e-150);
        // Rounding a domain outwards divides by its step, where what is below 1e-150 may vanish beside it.
        if (isDrawable) expect(value >= low - 1e-150 && value <= high + 1e-150).toBe(true);
      }
      for (const { position, label } of axis.ticks) {
        expect(position).toBeGreaterThanOrEqual(40 - 1e-6);
        expect(position).toBeLessThanOrEqual(440 + 1e-6);
        expect(label).not.toBe("n/a");
      }
      expect(axis.ticks.length).toBeLessThan(100);
    }),
    { numRuns: 1000 },
  );
});
