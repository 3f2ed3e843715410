import { expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { readText } from "./text.ts";

test("a text is read without its byte order mark", async () => {
  expect(await readText(new TextEncoder().encode("ä\uFEFFb\n"))).toBe("ä\uFEFFb\n");
  expect(await readText(new TextEncoder().encode("\uFEFFab"))).toBe("ab");
});

test("what is not UTF-8, or too long, is refused", async () => {
  await expect(readText(Uint8Array.of(0x61, 0xff))).rejects.toThrow(/must be UTF-8 text/);
  await expect(readText(new Uint8Array(64 * 2 ** 20 + 1))).rejects.toThrow(FileError);
});
