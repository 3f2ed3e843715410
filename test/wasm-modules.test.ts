/** The committed WebAssembly modules: small, the same in both forms, and what their sources give. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  buildWasmModule,
  MAX_MODULE_BYTE_LENGTH,
  moduleFiles,
  moduleSource,
  otherCompilerVersion,
  wasmModules,
} from "../scripts/build-wasm.ts";
import { need } from "./support/programs.ts";

const otherCompiler = otherCompilerVersion();

describe.each(wasmModules)("$name", (module) => {
  const { wasm, source } = moduleFiles(module);
  const committed = readFileSync(wasm);

  test("is small", () => {
    expect(committed.length).toBeLessThanOrEqual(MAX_MODULE_BYTE_LENGTH);
  });

  test("is in the source file that bundlers take", () => {
    expect(readFileSync(source, "utf8")).toBe(moduleSource(module.name, committed));
  });

  test("is what its sources give", (context) => {
    need(context, "wasm-compiler", ["clang++-19", "wasm-ld-19"]);
    if (otherCompiler !== undefined) context.skip(`not compared: ${otherCompiler}`);
    const isSame = committed.equals(buildWasmModule(module));
    expect(isSame, "run npm run build:wasm and commit what it writes").toBe(true);
  });
});
