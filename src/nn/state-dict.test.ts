import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { Parameter, type Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";
import { BatchNorm } from "./modules/batch-norm.ts";
import { Linear } from "./modules/linear.ts";
import { Sequential } from "./modules/sequential.ts";
import type { StateDict } from "./state-dict.ts";

const create = (seed: number): Sequential => new Sequential(new Linear(3, 2, { seed }), new Linear(2, 1, { seed }));

test("a state holds copies, and loading copies again", () => {
  const [model, other] = [create(1), create(2)];
  const state = model.stateDict();
  expect(Object.keys(state)).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
  expect(state["0.weight"].shape).toEqual([2, 3]);
  other.loadStateDict(state);
  state["0.weight"].data.fill(0);
  expect(other.stateDict()).toEqual(model.stateDict());
  expect(model.stateDict()["0.weight"].data.some((value) => value !== 0)).toBe(true);
});

test("strict loading lists everything that is missing, extra or of another shape, and changes nothing", () => {
  const model = create(1);
  const before = model.stateDict();
  const { "1.bias": _, ...rest } = create(2).stateDict();
  const state: StateDict = {
    ...rest,
    "0.weight": { shape: [3, 2], data: new Float32Array(6) },
    "0.bias": { shape: [2], data: new Float32Array(3) },
    "2.weight": { shape: [1], data: new Float32Array(1) },
  };
  expect(() => model.loadStateDict(state)).toThrow(
    new ShapeError(
      [
        "the state does not fit the module, nothing was loaded:",
        "shape: 0.weight must be [2, 3], got [3, 2]",
        "data: 0.bias of shape [2] needs 2 values, got 3",
        "missing: 1.bias [1]",
        "extra: 2.weight",
      ].join("\n  "),
    ),
  );
  expect(model.stateDict()).toEqual(before);
});

test("loading that is not strict takes what there is; shapes must fit all the same", () => {
  const model = create(1);
  const { "0.weight": untouched } = model.stateDict();
  const bias = { shape: [2], data: Float32Array.of(5, 6) };
  model.loadStateDict({ "0.bias": bias, other: bias }, { strict: false });
  expect(model.stateDict()["0.bias"]).toEqual(bias);
  expect(model.stateDict()["0.weight"]).toEqual(untouched);
  expect(() => model.loadStateDict({ "1.bias": bias }, { strict: false })).toThrow("1.bias must be [1], got [2]");
});

test("names of Object.prototype are no parameters", () => {
  const state = Object.assign(Object.create({ "0.bias": {} }), { "0.weight": create(2).stateDict()["0.weight"] });
  expect(() => create(1).loadStateDict(state)).toThrow("missing: 0.bias [2]");
});

test("the last part of a name may have PyTorch's spelling, and step counters are ignored", () => {
  const model = new Sequential(new BatchNorm(2));
  const { "0.runningMean": _, "0.runningVar": __, ...rest } = model.stateDict();
  const state: StateDict = {
    ...rest,
    "0.running_mean": { shape: [2], data: Float32Array.of(1, 2) },
    "0.running_var": { shape: [2], data: Float32Array.of(3, 4) },
    "0.num_batches_tracked": { shape: [], data: Float32Array.of(100) },
  };
  model.loadStateDict(state);
  expect([...model.stateDict()["0.runningMean"].data, ...model.stateDict()["0.runningVar"].data]).toEqual([1, 2, 3, 4]);
  expect(() => model.loadStateDict({ ...state, "0.running_mean": { shape: [1], data: new Float32Array(1) } })).toThrow(
    "shape: 0.running_mean must be [2], got [1]",
  );
});

test("both spellings of a name are an error among the others, and nothing changes", () => {
  const model = new Sequential(new BatchNorm(2));
  const before = model.stateDict();
  const { "0.bias": _, ...rest } = before;
  const state = { ...rest, "0.running_mean": { shape: [2], data: Float32Array.of(1, 2) }, other: rest["0.weight"] };
  const ambiguous = "ambiguous: 0.runningMean and 0.running_mean are two spellings of one name, keep one";
  expect(() => model.loadStateDict(state)).toThrow(
    new ShapeError(
      ["the state does not fit the module, nothing was loaded:", "missing: 0.bias [2]", ambiguous, "extra: other"].join(
        "\n  ",
      ),
    ),
  );
  expect(() => model.loadStateDict(state, { strict: false })).toThrow(ambiguous);
  expect(model.stateDict()).toEqual(before);
});

test("a field that has PyTorch's spelling of another is its own", () => {
  class Both extends Module {
    readonly runningMean = new Parameter([1]);
    readonly running_mean = new Parameter([1]);
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  const model = new Both();
  const entry = (value: number): StateDict[string] => ({ shape: [1], data: Float32Array.of(value) });
  model.loadStateDict({ runningMean: entry(1), running_mean: entry(2) });
  expect([...model.runningMean.value, ...model.running_mean.value]).toEqual([1, 2]);
  expect(() => model.loadStateDict({ running_mean: entry(3) })).toThrow("missing: runningMean [1]");
});
