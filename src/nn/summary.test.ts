import { expect, test } from "vitest";
import { Parameter, type Tensor } from "../tensor/index.ts";
import { relu } from "./activations.ts";
import { Module } from "./module.ts";
import { BatchNorm } from "./modules/batch-norm.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Linear } from "./modules/linear.ts";
import { Residual, Sequential } from "./modules/sequential.ts";

/** The cells of a summary's rows by the name of the layer. */
function rowsOf(model: Module): Record<string, string[]> {
  const lines = model
    .summary()
    .split("\n")
    .filter((line) => !line.startsWith("─"));
  return Object.fromEntries(lines.map((line) => line.split(/ {2,}/)).map(([name, ...cells]) => [name, cells]));
}

test("each layer has its type, sizes, shapes, count and bytes, and the total is their sum", () => {
  const model = new Sequential(new BitLinear(784, 256), new BatchNorm(256), relu, new Residual(new Linear(256, 256)));
  const rows = rowsOf(model);
  expect(Object.keys(rows).toSorted()).toEqual(["0", "1", "3.layer", "layer", "total"]);
  expect(rows["0"]).toEqual([
    "BitLinear",
    "784 → 256, bitnet, int8",
    "weight [256, 784] bias [256]",
    "200,960",
    "803,840",
    "41,220", // 256 rows of ceil(784 / 5) bytes, a scale and 256 floats of bias
  ]);
  expect(rows["1"].slice(-3)).toEqual(["1,024", "4,096", "4,096"]); // gain, bias and two statistics
  expect(rows["3.layer"]).toEqual([
    "Linear",
    "256 → 256",
    "weight [256, 256] bias [256]",
    "65,792",
    "263,168",
    "263,168",
  ]);
  expect(rows.total).toEqual(["Sequential", "267,776", "1,071,104", "308,484"]);
});

test("parameters of a composite module itself have a row", () => {
  class Scaled extends Module {
    readonly scale = new Parameter([3]);
    readonly inner = new Linear(3, 3);
    override forward(x: Tensor): Tensor {
      return this.inner.forward(x).mul(this.scale);
    }
  }
  const rows = rowsOf(new Scaled());
  expect(rows["(model)"]).toEqual(["Scaled", "scale [3]", "3", "12", "12"]);
  expect(rows.inner.slice(-3)).toEqual(["12", "48", "48"]);
  expect(rows.total.slice(-3)).toEqual(["15", "60", "60"]);
});

test("a layer in several places is counted once", () => {
  const shared = new Linear(2, 2);
  const rows = rowsOf(new Sequential(shared, relu, shared));
  expect(rows["0"].slice(-3)).toEqual(["6", "24", "24"]);
  expect(rows["2"]).toEqual(["Linear", "2 → 2", "those of 0.weight", "0", "0", "0"]);
  expect(rows.total).toEqual(["Sequential", "6", "24", "24"]);
});

test("columns line up", () => {
  const lines = new Sequential(new Linear(784, 256), new Linear(256, 10)).summary().split("\n");
  const ends = lines.filter((line) => !line.startsWith("─")).map(({ length }) => length);
  expect(new Set(ends).size).toBe(1);
});
