import { homedir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultCacheDirectory } from "./demo-data.ts";

test("downloads are kept where the system keeps such things", () => {
  expect(defaultCacheDirectory({ XDG_CACHE_HOME: "/x" })).toBe(join("/x", "bitlinear", "mnist"));
  expect(defaultCacheDirectory({ LOCALAPPDATA: "/l" })).toBe(join("/l", "bitlinear", "mnist"));
  expect(defaultCacheDirectory({ XDG_CACHE_HOME: "" })).toBe(join(homedir(), ".cache", "bitlinear", "mnist"));
});
