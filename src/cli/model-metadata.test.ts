import { expect, test } from "vitest";
import { classesOf, modelMetadata } from "./model-metadata.ts";

test("classes come back as they were, settings as texts", () => {
  const classes = ["a", "ü", "\n", 'comma, quote"'];
  const metadata = modelMetadata(classes, { preset: "mlp", seed: 3, quantizer: undefined });
  expect(classesOf(metadata)).toEqual(classes);
  expect(metadata).toMatchObject({ preset: "mlp", seed: "3" });
  expect(metadata).not.toHaveProperty("quantizer");
});

test.each(["a,b", '{"a":1}', "[1,2]", "", "null"])("%j names no classes", (text) => {
  expect(classesOf({ classes: text })).toBeUndefined();
  expect(classesOf({})).toBeUndefined();
});
