/** Prints what loading a saved model takes on the best backend: milliseconds, and process memory of one more. The only argument is its file. */
import { readFileSync } from "node:fs";
import { type DeployedModel, loadModel, openBackend } from "bitlinear";

/** Process memory in bytes, without what the garbage collector's own figures would leave out. */
function residentBytes(): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

const backend = await openBackend();
const loaded: DeployedModel[] = [];
const milliseconds: number[] = [];
const bytes: number[] = [];
for (let i = 0; i < 12; i++) {
  const before = residentBytes();
  const started = performance.now();
  loaded.push(await loadModel(process.argv[2], { backend }));
  milliseconds.push(performance.now() - started);
  bytes.push(residentBytes() - before);
}
console.log(JSON.stringify({ backend: backend.id, milliseconds, bytes }));
