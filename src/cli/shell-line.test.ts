import { expect, test } from "vitest";
import { shellLine, withoutOption } from "./shell-line.ts";

test("arguments that a shell would take apart are quoted", () => {
  expect(shellLine("train", ["--out", "a b.safetensors", "it's", "--seed=3", "/x/y_z-1.npy", ""])).toBe(
    "npx bitlinear train --out 'a b.safetensors' 'it'\\''s' --seed=3 /x/y_z-1.npy ''",
  );
});

test("an option goes with its value", () => {
  const args = ["--resume", "a", "--seed", "1", "--resume=b", "--resume", "c"];
  expect(withoutOption(args, "--resume")).toEqual(["--seed", "1"]);
});
