import { expect, test } from "vitest";
import type { ProgressEvent } from "../../nn/index.ts";
import { Output } from "../output.ts";
import { progressDisplay } from "./progress-display.ts";

type StepEvent = Extract<ProgressEvent, { kind: "step" }>;

const step: StepEvent = {
  kind: "step",
  ...{ epoch: 2, epochs: 3, batch: 50, batches: 100, loss: 0.12345, metrics: { accuracy: 0.975 } },
  ...{ batchSize: 64, samplesPerSecond: 6400 },
};
const epoch: ProgressEvent = {
  kind: "epoch",
  epochs: 3,
  record: {
    ...{ epoch: 2, loss: 0.1, metrics: { accuracy: 0.97 }, validationMetrics: { accuracy: 0.9651 } },
    ...{ learningRate: 1e-3, seconds: 4.12 },
  },
};

function display(properties: { isTTY: boolean; columns?: number }) {
  const texts: string[] = [];
  const stream = { ...properties, write: (text: string) => texts.push(text) };
  const listener = progressDisplay("ternary", new Output(false, { write: () => true }, stream));
  return { texts, listener };
}

test("a log gets a line for each epoch and nothing between", () => {
  const { texts, listener } = display({ isTTY: false });
  listener(step);
  listener(epoch);
  listener({ kind: "note", text: "4 samples are left out" });
  expect(texts).toEqual([
    "ternary  epoch 2/3  loss 0.1000  accuracy 97.0%  test 96.51%  4.12 s\n",
    "4 samples are left out\n",
  ]);
});

test("a terminal gets a bar with the time that is left of all epochs, wiped before the next line", () => {
  const { texts, listener } = display({ isTTY: true, columns: 120 });
  listener(step);
  listener(epoch);
  const bar = `${"█".repeat(12)}${"░".repeat(12)}`;
  expect(texts[0]).toBe(`\r\u001b[Kternary  epoch 2/3  ${bar}  2 s left  loss 0.1235  accuracy 97.5%  6,400 samples/s`);
  expect(texts[1]).toBe("\r\u001b[K");
});

test.each([30, 50, 60, 80])("a bar never wraps at %i columns, if there is room for it at all", (columns) => {
  const { texts, listener } = display({ isTTY: true, columns });
  listener(step);
  expect(texts[0].slice(4).length).toBeLessThan(Math.max(columns, 45));
});

test("it is not drawn more often than eyes can follow", () => {
  const { texts, listener } = display({ isTTY: true });
  for (let batch = 1; batch <= 100; batch++) listener({ ...step, batch });
  expect(texts.length).toBeLessThan(10);
});
