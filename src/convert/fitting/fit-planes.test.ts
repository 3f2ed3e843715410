import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError, UnsupportedError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { checkTernaryMatrix, type TernaryMatrix } from "../../core/ternary-matrix.ts";
import { decompose } from "../../quantizers/multi-ternary.ts";
import { fitPlanes, outputSums, SecondMoments } from "./index.ts";

/** Inputs that have something in common, as those of a trained network do; some are always 0. */
function inputsOf(random: RandomSource, inFeatures: number, tokens: number, dead = 0): Float32Array {
  const mixing = Float32Array.from({ length: 4 * inFeatures }, () => random.normal());
  const inputs = new Float32Array(inFeatures * tokens);
  for (let token = 0; token < tokens; token++) {
    const causes = Array.from({ length: 4 }, () => random.normal());
    for (let k = dead; k < inFeatures; k++) {
      const mixed = causes.reduce((sum, cause, i) => sum + cause * mixing[i * inFeatures + k], 0);
      inputs[token * inFeatures + k] = Math.max(0, mixed + 0.3 * random.normal());
    }
  }
  return inputs;
}

function momentsOf(inputs: Float32Array, inFeatures: number): SecondMoments {
  const moments = new SecondMoments(inFeatures);
  moments.add(inputs);
  return moments;
}

const normals = (random: RandomSource, count: number) => Float32Array.from({ length: count }, () => random.normal());

const problem = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 30 }),
  outFeatures: fc.constantFrom(1, 3, 47, 49, 60),
  inFeatures: fc.constantFrom(1, 2, 17, 50),
  tokens: fc.constantFrom(1, 5, 200),
  dead: fc.constantFrom(0, 1, 9),
  planes: fc.integer({ min: 1, max: 4 }),
  quantizer: fc.constantFrom("optimal", "bitnet", "absmax"),
});

test("calibrated: valid planes, never worse than the data-free ones, and errors as they are", () => {
  fc.assert(
    fc.property(problem, ({ seed, outFeatures, inFeatures, tokens, dead, planes, quantizer }) => {
      const random = new RandomSource(seed);
      const shape = { outFeatures, inFeatures };
      const weights = normals(random, outFeatures * inFeatures);
      const calibration = momentsOf(inputsOf(random, inFeatures, tokens, dead), inFeatures);
      const options = { planes, quantizer };
      const fitted = fitPlanes(weights, shape, { ...options, calibration });
      const dataFree = fitPlanes(weights, shape, options);
      expect(dataFree).toEqual({
        planes: decompose(weights, shape, { ...options, fit: planes > 1 ? "joint" : "greedy" }),
        method: "data-free",
      });
      expect(fitted.planes.length).toBe(planes);
      for (const plane of fitted.planes) checkTernaryMatrix(plane);
      const own = outputSums(weights, fitted.planes, calibration);
      const other = outputSums(weights, dataFree.planes, calibration);
      const slack = 1e-9 * own.squaredOutputs; // float64 sums that all but cancel
      expect(own.squaredError).toBeLessThanOrEqual(other.squaredError + slack);
      expect(Math.abs((fitted.outputError ?? -1) ** 2 * own.squaredOutputs - own.squaredError)).toBeLessThanOrEqual(
        slack,
      );
      expect(
        Math.abs((fitted.dataFreeOutputError ?? -1) ** 2 * own.squaredOutputs - other.squaredError),
      ).toBeLessThanOrEqual(slack);
      if (fitted.keptRows === outFeatures) expect(fitted).toMatchObject({ ...dataFree });
      else expect(fitted.method).toBe("calibrated");
    }),
    { numRuns: 60 },
  );
});

test.each([1, 2, 3, 4])("%i planes: at least 30 %% less output error, also on inputs that were not seen", (planes) => {
  const random = new RandomSource(planes);
  const shape = { outFeatures: 50, inFeatures: 60 };
  const weights = normals(random, 3000);
  const inputs = inputsOf(random, 60, 1000);
  const unseen = momentsOf(inputs.subarray(500 * 60), 60);
  const calibration = momentsOf(inputs.subarray(0, 500 * 60), 60);
  const fitted = fitPlanes(weights, shape, { planes, calibration });
  const dataFree = fitPlanes(weights, shape, { planes });
  expect(fitted.method).toBe("calibrated");
  const errorOf = ({ squaredError, squaredOutputs }: ReturnType<typeof outputSums>) =>
    Math.sqrt(squaredError / squaredOutputs);
  expect(errorOf(outputSums(weights, fitted.planes, unseen))).toBeLessThan(
    0.7 * errorOf(outputSums(weights, dataFree.planes, unseen)),
  );
});

test("an input that is always 0 goes by its weights: to the nearest level", () => {
  const random = new RandomSource(4);
  const shape = { outFeatures: 5, inFeatures: 40 };
  const weights = normals(random, 200);
  const calibration = momentsOf(inputsOf(random, 40, 100, 10), 40);
  const { planes, keptRows } = fitPlanes(weights, shape, { calibration });
  expect(keptRows).toBe(0);
  for (let row = 0; row < 5; row++) {
    for (let k = 0; k < 10; k++) {
      const isLarge = Math.abs(weights[row * 40 + k]) > planes[0].scales[row] / 2;
      expect(planes[0].trits[row * 40 + k]).toBe(isLarge ? Math.sign(weights[row * 40 + k]) : 0);
    }
  }
});

test("weights of 0 and inputs of 0 leave the data-free planes, and say so", () => {
  const shape = { outFeatures: 2, inFeatures: 3 };
  const weights = Float32Array.of(1, -2, 3, 0, 0, 0);
  const silent = fitPlanes(weights, shape, { calibration: momentsOf(new Float32Array(6), 3) });
  expect(silent).toMatchObject({ method: "data-free", outputError: 0, dataFreeOutputError: 0, keptRows: 2 });
  expect(silent.planes).toEqual(fitPlanes(weights, shape).planes);
  const calibration = momentsOf(Float32Array.of(1, 2, 3), 3);
  const zeros = fitPlanes(new Float32Array(6), shape, { planes: 2, calibration });
  expect(zeros).toMatchObject({ method: "data-free", outputError: 0, keptRows: 2 });
  expect(zeros.planes.every(({ trits }) => trits.every((trit) => trit === 0))).toBe(true);
});

test("a layer may be fitted by parts: sums of their errors are those of the whole", () => {
  const random = new RandomSource(8);
  const weights = normals(random, 60 * 30);
  const calibration = momentsOf(inputsOf(random, 30, 100), 30);
  const parts = [0, 48].map((first) => {
    const rows = weights.subarray(first * 30, Math.min(first + 48, 60) * 30);
    return fitPlanes(rows, { outFeatures: rows.length / 30, inFeatures: 30 }, { calibration });
  });
  const whole: TernaryMatrix = {
    outFeatures: 60,
    inFeatures: 30,
    trits: Int8Array.from(parts.flatMap(({ planes }) => [...planes[0].trits])),
    scales: Float32Array.from(parts.flatMap(({ planes }) => [...planes[0].scales])),
  };
  const { squaredError, squaredOutputs } = outputSums(weights, [whole], calibration);
  const total = (of: "squaredError" | "squaredOutputs") =>
    parts.reduce((sum, { output }) => sum + (output?.[of] ?? Number.NaN), 0);
  expect(Math.abs(total("squaredError") - squaredError)).toBeLessThan(1e-9 * squaredOutputs);
  expect(Math.abs(total("squaredOutputs") - squaredOutputs)).toBeLessThan(1e-9 * squaredOutputs);
});

test("weights and inputs of any size give finite scales", () => {
  const random = new RandomSource(6);
  const shape = { outFeatures: 4, inFeatures: 20 };
  for (const [weightSize, inputSize] of [
    [2 ** 60, 2 ** 100],
    [2 ** -95, 2 ** -60],
    [2 ** -120, 1],
  ]) {
    const weights = normals(random, 80).map((value) => value * weightSize);
    const inputs = inputsOf(random, 20, 50).map((value) => value * inputSize);
    const { planes, outputError } = fitPlanes(weights, shape, { planes: 2, calibration: momentsOf(inputs, 20) });
    for (const plane of planes) checkTernaryMatrix(plane);
    expect(outputError).toBeLessThanOrEqual(1);
  }
});

test("what does not fit is refused", () => {
  const shape = { outFeatures: 1, inFeatures: 2 };
  const weights = Float32Array.of(1, 2);
  expect(() => fitPlanes(weights, shape, { calibration: momentsOf(new Float32Array(3), 3) })).toThrow(
    new ShapeError("calibration inputs must hold 2 values each, got 3"),
  );
  expect(() => fitPlanes(weights, shape, { calibration: new SecondMoments(2) })).toThrow("holds no inputs yet");
  expect(() => fitPlanes(weights, shape, { planes: 5 })).toThrow(UnsupportedError);
  expect(() => fitPlanes(Float32Array.of(1, Number.NaN), shape)).toThrow(ShapeError);
  expect(() => fitPlanes(weights, shape, { quantizer: "lsq" })).toThrow("learns its scale");
});
