/**
 * Builds the Node addon of the native backend: `npm run build:native`, and on its own when the packages of a checkout are
 * installed. Needs g++ or clang, make and Python, and no network: the headers come from a package. Does nothing when
 * nothing has changed since the last build.
 *
 * --optional    a machine that cannot build it is told so in one line, and that is no error
 * --prebuilds   lays the binary out for publishing, as prebuilds/<platform>-<architecture>/
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({ options: { optional: { type: "boolean" }, prebuilds: { type: "boolean" } } });
const require = createRequire(import.meta.url);
const repository = fileURLToPath(new URL("..", import.meta.url));
const build = join(repository, "build");
const addon = join(build, "Release/bitlinear.node");
const stamp = join(build, "Release/sources.sha256");
const log = join(build, "native.log");

try {
  if (buildAddon()) console.log(`native backend: built ${relative(repository, addon)}`);
  if (options.prebuilds) console.log(`native backend: ${relative(repository, layOut())} is ready to be published`);
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.log(`native backend: not built, so WebAssembly serves: ${error.message}`);
  process.exitCode = options.optional ? 0 : 1;
}

/** Builds what is not there yet. @returns whether there was something to do @throws Error saying why it cannot be built */
function buildAddon(): boolean {
  const hash = hashSources();
  if (existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return false;
  if (platform() === "win32") throw new Error("its kernels are written for g++ and clang, not for Windows' compiler");
  const compiler = [process.env.CXX ?? "", "g++", "clang++", "c++"].find(isThere);
  if (compiler === undefined) throw new Error("this machine has no C++ compiler");
  for (const tool of ["make", "python3"]) if (!isThere(tool)) throw new Error(`this machine has no ${tool}`);
  rmSync(stamp, { force: true });
  mkdirSync(build, { recursive: true });
  runNodeGyp(compiler);
  execFileSync(process.execPath, ["-e", "require(process.argv[1])", addon]); // it loads
  writeFileSync(stamp, hash);
  return true;
}

/** Everything that the binary depends on. */
function hashSources(): string {
  const kernels = readdirSync(join(repository, "kernels"), { recursive: true, encoding: "utf8" });
  const sources = kernels.filter((path) => /\.(cc|h|def)$/.test(path)).sort();
  const versions = ["node-gyp", "node-addon-api", "node-api-headers"].map(
    (name) => require(`${name}/package.json`).version,
  );
  const settings = [platform(), arch(), process.env.CXX, process.env.CXXFLAGS, ...versions];
  const hash = createHash("sha256").update(settings.join());
  for (const path of [...sources.map((source) => join("kernels", source)), "binding.gyp", "scripts/build-native.ts"]) {
    hash.update(path).update(readFileSync(join(repository, path)));
  }
  return hash.digest("hex");
}

/** Asked through the shell: CXX may be "ccache g++". */
function isThere(tool: string): boolean {
  return tool !== "" && spawnSync(`${tool} --version`, { shell: true, stdio: "ignore" }).status === 0;
}

/** @throws Error when it fails */
function runNodeGyp(compiler: string): void {
  const program = join(dirname(require.resolve("node-gyp/package.json")), "bin/node-gyp.js");
  const file = openSync(log, "w");
  const command = ["configure", "build", "--release", "--jobs=2", `--nodedir=${gatherHeaders()}`];
  const { status } = spawnSync(process.execPath, [program, ...command], {
    cwd: repository,
    env: { ...environmentWithoutNpm(), CXX: compiler },
    stdio: ["ignore", file, file],
  });
  closeSync(file);
  if (status !== 0) throw new Error(`the compiler failed, see ${relative(repository, log)}`);
}

/** node-gyp would put npm's settings above what it is called with. */
function environmentWithoutNpm(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
}

/** A folder such as node-gyp would download: Node-API is the same for every Node, so the headers of the package do. */
function gatherHeaders(): string {
  const folder = join(build, "headers");
  const { include_dir: headers }: { include_dir: string } = require("node-api-headers");
  cpSync(headers, join(folder, "include/node"), { recursive: true });
  const defaults = { target_defaults: { default_configuration: "Release", configurations: { Release: {} } } };
  writeFileSync(join(folder, "include/node/common.gypi"), JSON.stringify(defaults));
  return folder;
}

/** Copies the binary to where node-gyp-build looks for it in a published package. @returns the copy */
function layOut(): string {
  const libc = platform() === "linux" ? (isMusl() ? ".musl" : ".glibc") : "";
  const target = join(repository, "prebuilds", `${platform()}-${arch()}`, `bitlinear${libc}.node`);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(addon, target);
  return target;
}

function isMusl(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined;
}
