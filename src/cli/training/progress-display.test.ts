import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import type { ProgressEvent } from "../../nn/index.ts";
import { Output } from "../output.ts";
import { progressDisplay } from "./progress-display.ts";

const shares = ["accuracy"];
const step: ProgressEvent = {
  kind: "step",
  ...{ epoch: 2, epochs: 3, batch: 50, batches: 100, loss: 0.12345, metrics: { accuracy: 0.975 }, shares },
  ...{ batchSize: 64, samplesPerSecond: 6400 },
};
const epoch: ProgressEvent = {
  kind: "epoch",
  epochs: 3,
  record: {
    ...{ epoch: 2, loss: 0.1, metrics: { accuracy: 0.97 }, validationMetrics: { accuracy: 0.9651 } },
    ...{ learningRate: 1e-3, seconds: 4.12 },
  },
  shares,
};

function display(properties: { isTTY: boolean; columns?: number; hasColors?: () => boolean }) {
  const texts: string[] = [];
  const stream = { ...properties, write: (text: string) => texts.push(text) };
  const listener = progressDisplay("ternary", new Output(false, { write: () => true }, stream));
  return { texts, listener };
}

test("the validation data are the test split", () => {
  const { texts, listener } = display({ isTTY: false });
  listener(step);
  listener(epoch);
  expect(texts).toEqual(["ternary  epoch 2/3  loss 0.1000  accuracy 97.00%  test accuracy 96.51%  4.1 s\n"]);
});

test("colours take no room", () => {
  const inColour = display({ isTTY: true, columns: 80, hasColors: () => true });
  const plain = display({ isTTY: true, columns: 80 });
  for (const { listener } of [inColour, plain]) listener(step);
  const green = "\u001b[32m";
  expect(inColour.texts[0]).toContain(green);
  expect(plain.texts[0]).not.toContain(green);
  expect(stripVTControlCharacters(inColour.texts[0])).toBe(stripVTControlCharacters(plain.texts[0]));
});
