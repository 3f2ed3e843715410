/**
 * Throws calls at the addon that nobody should make, under AddressSanitizer: `npm run fuzz:native -- [seconds] [seed]`, 60
 * seconds by default. Needs g++ and its sanitizer. Whatever is wrong must become an exception; a crash, or memory that is
 * touched where it must not be, ends the program with an error, and the seed repeats it.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { arch } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const repository = fileURLToPath(new URL("..", import.meta.url));
const folder = join(repository, "build/fuzz");
const addon = join(folder, "bitlinear.node");
const compiler = process.env.CXX ?? "g++";
const [seconds = "60", seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);

mkdirSync(folder, { recursive: true });
buildAddon();
const program = join(folder, "calls.mjs");
await build({
  entryPoints: [join(repository, "kernels/addon/fuzz/calls.ts")],
  ...{ bundle: true, platform: "node", format: "esm", target: "node20", outfile: program },
});

console.log(`fuzzing the addon for ${seconds} seconds, seed ${seed}`);
const sanitizer = execFileSync(compiler, ["-print-file-name=libasan.so"], { encoding: "utf8" }).trim();
const { status, signal } = spawnSync(process.execPath, ["--expose-gc", program, addon, seconds, seed], {
  // Node itself leaks at its end; and more memory than there is must be an exception, as it is without the sanitizer.
  env: { ...process.env, LD_PRELOAD: sanitizer, ASAN_OPTIONS: "detect_leaks=0:allocator_may_return_null=1" },
  stdio: "inherit",
});
if (status !== 0) {
  console.error(`the addon failed (${signal ?? status}); npm run fuzz:native -- ${seconds} ${seed} repeats it`);
  process.exitCode = 1;
}

/** Without node-gyp, as the flags are others. */
function buildAddon(): void {
  const sources = ["kernels", "kernels/addon", architectureFolder()].flatMap((path) =>
    readdirSync(join(repository, path))
      .filter((name) => name.endsWith(".cc"))
      .map((name) => join(repository, path, name)),
  );
  const includes = [require("node-api-headers").include_dir, join(require.resolve("node-addon-api"), "..")];
  const makefile = [
    `addon: ${sources.map((_, i) => `${i}.o`).join(" ")}`,
    `\t${compiler} -shared -fsanitize=address $^ -o ${addon}`,
    ...sources.flatMap((source, i) => [
      `${i}.o: ${source}`,
      `\t${compiler} -std=c++20 -O1 -g -fPIC -fsanitize=address -fno-omit-frame-pointer -ffp-contract=off -fno-exceptions ` +
        `-fno-rtti -DNAPI_VERSION=8 -DNAPI_DISABLE_CPP_EXCEPTIONS -DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS ${includes.map((path) => `-isystem ${path}`).join(" ")} ` +
        `-MMD -c ${source} -o $@`,
    ]),
    "-include *.d",
  ].join("\n");
  const begin = Date.now();
  execFileSync("make", ["--no-print-directory", "-s", "-j2", "-C", folder, "-f", "-", "addon"], {
    input: makefile,
    stdio: ["pipe", "inherit", "inherit"],
  });
  console.log(`built ${addon} (${statSync(addon).size} bytes) in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
}

function architectureFolder(): string {
  if (arch() === "x64") return "kernels/x86";
  return arch() === "arm64" ? "kernels/arm" : "kernels";
}
