/**
 * Builds the WebAssembly modules of the wasm backend, of fitting and of formats from kernels/: `npm run build:wasm`. Needs
 * clang++-19 and wasm-ld-19 (packages clang-19 and lld-19). The results are committed, so that nobody else needs a compiler; the same sources and the
 * same compiler give the same bytes, and test/wasm-modules.test.ts compares them.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const COMPILER = "clang++-19";
/** What the committed bytes were built with; other versions may give others. */
const COMPILER_VERSION = "19.1.7";

/** The largest module that is committed. */
export const MAX_MODULE_BYTE_LENGTH: number = 64 << 10;

const repository = fileURLToPath(new URL("..", import.meta.url));
const kernels = join(repository, "kernels");

const backendSources = [
  ...["kernels.cc", "layer.cc", "layout.cc", "run.cc", "run_linear.cc", "run_convolution.cc", "scalar.cc"],
  ...["wasm/encode.cc", "wasm/finish.cc", "wasm/floats.cc", "wasm/simd128.cc", "wasm/wasm.cc"],
];

const flags = [
  ...["--target=wasm32", "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-ffreestanding"],
  ...["-nostdlib", "-fno-exceptions", "-fno-rtti", "-msimd128", "-mbulk-memory", "-Wl,--no-entry", "-Wl,--strip-all"],
  ...["-Wl,--import-memory", "-Wl,--max-memory=4294967296", "-Wl,--export=__heap_base", "-Wl,--export=__stack_pointer"],
];

/** A module that is committed. */
export interface WasmModule {
  readonly name: string;
  readonly flags: readonly string[];
  /** Those of the backend, unless the module is another. */
  readonly sources?: readonly string[];
  /** Where it is committed; with the backend by default. */
  readonly folder?: string;
}

/**
 * With and without relaxed SIMD, for memory that threads share and for memory that they do not: an engine accepts no module
 * with an instruction it does not know, and no memory of the other kind.
 */
export const wasmModules: readonly WasmModule[] = [
  { name: "simd128", flags: [] },
  { name: "simd128-threads", flags: ["-matomics", "-Wl,--shared-memory"] },
  { name: "relaxedsimd", flags: ["-mrelaxed-simd", "wasm/relaxedsimd.cc"] },
  {
    name: "relaxedsimd-threads",
    flags: ["-mrelaxed-simd", "wasm/relaxedsimd.cc", "-matomics", "-Wl,--shared-memory"],
  },
  { name: "row-products-module", flags: [], sources: ["wasm/row_products.cc"], folder: "src/convert/fitting" },
  { name: "trit-codes-module", flags: [], sources: ["wasm/trit_codes.cc"], folder: "src/formats" },
];

/** Says so where the compiler of this machine is not the version that the committed modules were built with. */
export function otherCompilerVersion(): string | undefined {
  const { stdout } = spawnSync(COMPILER, ["--version"], { encoding: "utf8" });
  const version = /version (\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
  return version === COMPILER_VERSION ? undefined : `the modules are built by ${COMPILER_VERSION}, this is ${version}`;
}

/** Compiles a module of the list. */
export function buildWasmModule({ flags: own, sources = backendSources }: WasmModule): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "bitlinear-wasm-"));
  try {
    const file = join(folder, "module.wasm");
    execFileSync(COMPILER, [...flags, ...sources, ...own, "-o", file], { cwd: kernels, stdio: "inherit" });
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Where a module is committed: its bytes, and the same bytes as a source file that every bundler takes. */
export function moduleFiles({ name, folder = "src/backends/wasm/modules" }: WasmModule): {
  wasm: string;
  source: string;
} {
  const path = join(repository, folder, name);
  return { wasm: `${path}.wasm`, source: `${path}.ts` };
}

/** The source file that holds the bytes of a module. */
export function moduleSource(name: string, bytes: Uint8Array): string {
  return `/** ${name}.wasm as text; made by scripts/build-wasm.ts, as that file is. */

/** In base64. */
export const base64: string =
  "${Buffer.from(bytes).toString("base64")}";
`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const module of wasmModules) {
    const bytes = buildWasmModule(module);
    const { wasm, source } = moduleFiles(module);
    writeFileSync(wasm, bytes);
    writeFileSync(source, moduleSource(module.name, bytes));
    console.log(`${module.name}: ${bytes.length} bytes`);
  }
}
