import { expect, test } from "vitest";
import { syntheticDigits } from "../../datasets/index.ts";
import { BitLinear, Sequential } from "../../nn/index.ts";
import { printExactness } from "../demo/demo-texts.ts";
import { Output } from "../output.ts";
import { compareWithTraining, confusionOf, measureDeployment } from "./deployment.ts";

const { test: digits } = syntheticDigits({ train: 10, test: 20 });

async function compare(activation: "int8" | "none", change: (outputs: Float32Array) => void = () => {}) {
  const module = new Sequential(new BitLinear(784, 10, { activation, seed: 3 }));
  using deployed = await module.deploy();
  const { outputs, predictions, accuracy } = await measureDeployment(deployed, digits);
  expect(accuracy).toBe(predictions.filter((predicted, i) => predicted === digits.targets[i]).length / 20);
  change(outputs);
  const exactness = await compareWithTraining(module, deployed, digits, outputs);
  const notes: string[] = [];
  const output = new Output(false, { write: () => true }, { write: (text) => notes.push(text) });
  return { exactness, exitCode: printExactness(exactness, output), notes };
}

test("equal bits are found equal", async () => {
  const { exactness, exitCode, notes } = await compare("int8");
  expect(exactness).toEqual({
    ...{ isPromised: true, isExact: true, comparedValues: 200, differingValues: 0, largestDifference: 0 },
  });
  expect({ exitCode, notes }).toEqual({ exitCode: 0, notes: [] });
});

test("one bit in one output is found, and makes the exit code 1 where equality is promised", async () => {
  const flipLastBit = (outputs: Float32Array) => {
    new Uint32Array(outputs.buffer)[137] ^= 1;
  };
  const { exactness, exitCode, notes } = await compare("int8", flipLastBit);
  expect(exactness).toMatchObject({ isPromised: true, isExact: false, comparedValues: 200, differingValues: 1 });
  expect(exactness.largestDifference).toBeGreaterThan(0);
  expect(exitCode).toBe(1);
  expect(notes.join("")).toMatch(/✗ not bit-exact: 1 of 200 outputs differ/);
});

test("-0 is not 0, and missing outputs differ", async () => {
  const { exactness } = await compare("int8", (outputs) => {
    outputs[0] = Number.NaN;
  });
  expect(exactness).toMatchObject({ isExact: false, differingValues: 1 });
});

test("float activations promise nothing", async () => {
  const { exactness, exitCode } = await compare("none", (outputs) => outputs.fill(0));
  expect(exactness).toMatchObject({ isPromised: false, isExact: false });
  expect(exitCode).toBe(0);
});

test("a confusion matrix counts what was taken for what", () => {
  const counts = confusionOf(Int32Array.of(0, 1, 1, 2, 2), Int32Array.of(0, 1, 0, 2, -1), 3);
  expect(counts).toEqual([
    [1, 0, 0],
    [1, 1, 0],
    [0, 0, 1],
  ]);
});
