import { describe, expect, test } from "vitest";
import { valuesOf } from "../../test/support/small-trainings.ts";
import { type ShapeError, UnsupportedError } from "../core/errors.ts";
import { decompose, sumPlanes } from "../quantizers/multi-ternary.ts";
import { relu } from "./activations.ts";
import { Conv2d } from "./modules/conv2d.ts";
import { Flatten } from "./modules/flatten.ts";
import { Linear } from "./modules/linear.ts";
import { Sequential } from "./modules/sequential.ts";
import { TernaryConv2d } from "./modules/ternary-conv2d.ts";
import { TernaryLinear } from "./modules/ternary-linear.ts";
import { type LayerFit, ternarize } from "./ternarize.ts";
import { predict } from "./training/evaluate.ts";

const network = (): Sequential =>
  new Sequential(
    new Conv2d(1, 4, 3, { stride: 2, padding: 1, seed: 1 }),
    relu,
    new Flatten(),
    new Linear(16, 9, { seed: 2 }),
    relu,
    new Linear(9, 3, { bias: false, seed: 3 }),
  ).eval();

test("layers get planes in place of their weights, and keep bias, geometry and place", () => {
  const model = network();
  const { converted, skipped, weightErrors } = ternarize(model, { skip: ["5"] });
  expect(converted).toEqual(["0", "3"]);
  expect(skipped).toEqual(["5"]);
  const original = network();
  const [convolution, linear] = [model.layers[0] as TernaryConv2d, model.layers[3] as TernaryLinear];
  expect(convolution).toBeInstanceOf(TernaryConv2d);
  expect(convolution.describe()).toBe("1 → 4, 3×3, stride 2×2, padding 1×1, 1 frozen plane, none");
  expect(linear.isTraining).toBe(false);
  const float = original.layers[3] as Linear;
  expect(linear.bias?.value).toEqual(float.bias?.value);
  expect(linear.planes).toEqual(decompose(float.weight.value, float, { planes: 1 }));
  // ‖W - Ŵ‖ / ‖W‖, in float64 over weights that are rounded to float32
  const real = sumPlanes(linear.planes);
  const error = Math.hypot(...float.weight.value.map((w, i) => w - real[i])) / Math.hypot(...float.weight.value);
  expect(weightErrors["3"]).toBeCloseTo(error, 6);
  expect(Object.keys(weightErrors)).toEqual(["0", "3"]);
});

test("more planes come nearer, and the joint fit is the default for several", async () => {
  const input = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));
  const float = await predict(network(), input, { inputShape: [4, 4, 1] });
  const distances: number[] = [];
  for (const planes of [1, 2, 3, 4]) {
    const { model } = ternarize(network(), { planes });
    const outputs = await predict(model, input, { inputShape: [4, 4, 1] });
    distances.push(Math.hypot(...outputs.map((value, i) => value - float[i])));
  }
  expect(distances).toEqual([...distances].sort((a, b) => b - a));
  const errorsOf = (fit: "greedy" | "joint"): Record<string, number> => ({
    ...ternarize(network(), { planes: 2, fit }).weightErrors,
  });
  expect(ternarize(network(), { planes: 2 }).weightErrors).toEqual(errorsOf("joint"));
  expect(errorsOf("joint")["3"]).toBeLessThan(errorsOf("greedy")["3"]);
});

test("a fit of one's own gets the weight matrix, its shape and its path", () => {
  const seen: unknown[] = [];
  const fit: LayerFit = (weights, shape, path) => {
    seen.push([path, shape, weights.length]);
    return decompose(weights, shape, { planes: path === "0" ? 2 : 1, quantizer: "twn" });
  };
  const { model } = ternarize(network(), { fit, activation: "int8" });
  expect(seen).toEqual([
    ["0", { outFeatures: 4, inFeatures: 9 }, 36],
    ["3", { outFeatures: 9, inFeatures: 16 }, 144],
    ["5", { outFeatures: 3, inFeatures: 9 }, 27],
  ]);
  expect((model as Sequential).layers[0]).toMatchObject({ activation: "int8", trits: { length: 2 } });
});

describe("what cannot be converted is refused, and the model stays as it was", () => {
  test.each<[string, () => unknown, typeof ShapeError | typeof UnsupportedError, string]>([
    ["planes", () => ternarize(network(), { planes: 5, fit: "joint" }), UnsupportedError, "at most 4 planes"],
    ["quantizer", () => ternarize(network(), { quantizer: "lsq" }), UnsupportedError, "learns its scale"],
    ["no layer", () => ternarize(new Sequential(relu)), UnsupportedError, "no Linear or Conv2d"],
  ])("%s", (_, convert, kind, message) => {
    expect(convert).toThrow(kind);
    expect(convert).toThrow(message);
  });

  test("planes of another shape", () => {
    const model = network();
    const before = valuesOf(model);
    const fit: LayerFit = (weights, shape, path) =>
      path === "0"
        ? decompose(weights, shape, { planes: 1 })
        : decompose(new Float32Array(4), { outFeatures: 2, inFeatures: 2 }, { planes: 1 });
    expect(() => ternarize(model, { fit })).toThrow('planes of the layer "3" must be [9, 16], got [2, 2]');
    expect(model.layers[0]).toBeInstanceOf(Conv2d);
    expect(valuesOf(model)).toEqual(before);
  });

  test("weights that are not finite", () => {
    const model = network();
    (model.layers[3] as Linear).weight.value[5] = Number.NaN;
    expect(() => ternarize(model)).toThrow('weights of the layer "3" must be finite');
  });
});

test("a copy leaves the model as it was", () => {
  const model = network();
  const { model: copy } = ternarize(model, { inPlace: false });
  expect(model.layers[3]).toBeInstanceOf(Linear);
  expect((copy as Sequential).layers[3]).toBeInstanceOf(TernaryLinear);
});
