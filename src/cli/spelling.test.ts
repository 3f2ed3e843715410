import { expect, test } from "vitest";
import { nearestName } from "./spelling.ts";

const names = ["demo", "train", "inspect", "quantizer", "learning-rate", "json", "out"];

test.each([
  ["trian", "train"],
  ["TRAIN", "train"],
  ["quantiser", "quantizer"],
  ["quant", "quantizer"],
  ["learningrate", "learning-rate"],
  ["jsno", "json"],
  ["insepct", "inspect"],
])("%s is meant to be %s", (typed, meant) => {
  expect(nearestName(typed, names)).toBe(meant);
});

test.each(["x", "", "compile", "no", "zz"])("nothing is near %j", (typed) => {
  expect(nearestName(typed, names)).toBeUndefined();
});
