import { expect, test } from "vitest";
import { ShapeError, UsageError } from "../../core/errors.ts";
import { Linear } from "../modules/linear.ts";
import { type EarlyStopping, EarlyStoppingMonitor } from "./early-stopping.ts";
import type { EpochRecord } from "./history.ts";
import { accuracy, type Metric, meanAbsoluteError } from "./metrics.ts";

function record(value: number, name = "loss"): EpochRecord {
  const watched = name === "loss" ? { validationLoss: value } : { validationMetrics: { [name]: value } };
  return { epoch: 1, loss: 0, metrics: {}, learningRate: 1, seconds: 0, ...watched };
}

/** Epochs since the best one, after each of some values. */
function follow(options: Partial<EarlyStopping>, values: readonly number[], metrics: readonly Metric[] = []): number[] {
  const monitor = new EarlyStoppingMonitor({ patience: 2, ...options }, new Linear(1, 1), metrics);
  return values.map((value) => {
    monitor.observe(record(value, options.watch));
    return monitor.best.epochsSince;
  });
}

test("a smaller loss is better, a larger metric is, and a smaller one where it says so", () => {
  expect(follow({}, [3, 2, 2, 1, 5])).toEqual([0, 0, 1, 0, 1]);
  expect(follow({ watch: "accuracy" }, [0.3, 0.5, 0.5, 0.4, 0.6], [accuracy])).toEqual([0, 0, 1, 2, 0]);
  expect(follow({ watch: "meanAbsoluteError" }, [3, 2, 4], [accuracy, meanAbsoluteError])).toEqual([0, 0, 1]);
});

test("a gain must exceed the minimum", () => {
  expect(follow({ minimumGain: 0.5 }, [3, 2.5, 2.4, 2])).toEqual([0, 1, 0, 1]);
});

test("NaN gains nothing, not even in the first epoch", () => {
  expect(follow({}, [Number.NaN, 5, Number.NaN, 4])).toEqual([1, 0, 1, 0]);
  expect(follow({ watch: "accuracy" }, [Number.NaN, 0.1], [accuracy])).toEqual([1, 0]);
});

test("the patience runs out", () => {
  const monitor = new EarlyStoppingMonitor({ patience: 2 }, new Linear(1, 1), []);
  const states = [1, 2, 3].map((value) => {
    monitor.observe(record(value));
    return monitor.isExhausted;
  });
  expect(states).toEqual([false, false, true]);
});

test("the best parameters come back, or stay away when not wanted", () => {
  for (const restoreBest of [true, false]) {
    const layer = new Linear(2, 1);
    const monitor = new EarlyStoppingMonitor({ patience: 1, restoreBest }, layer, []);
    layer.weight.value = Float32Array.of(1, 2);
    monitor.observe(record(1));
    layer.weight.value.fill(9); // in place, as a careless caller might
    monitor.observe(record(2));
    monitor.restoreBest();
    expect([...layer.weight.value]).toEqual(restoreBest ? [1, 2] : [9, 9]);
    expect(monitor.best.parameters !== undefined).toBe(restoreBest);
  }
});

test("without a best epoch nothing comes back", () => {
  const layer = new Linear(2, 1);
  const before = layer.weight.value.slice();
  new EarlyStoppingMonitor({ patience: 1 }, layer, []).restoreBest();
  expect(layer.weight.value).toEqual(before);
});

test("options out of range and unknown names are refused", () => {
  const make = (options: EarlyStopping) => () => new EarlyStoppingMonitor(options, new Linear(1, 1), [accuracy]);
  expect(make({ patience: 0 })).toThrow(ShapeError);
  expect(make({ patience: 1.5 })).toThrow(ShapeError);
  expect(make({ patience: 1, minimumGain: -1 })).toThrow(ShapeError);
  expect(make({ patience: 1, minimumGain: Number.NaN })).toThrow(ShapeError);
  expect(make({ patience: 1, watch: "f1" })).toThrow(UsageError);
  expect(make({ patience: 1, watch: "f1" })).toThrow(/loss, accuracy/);
});
