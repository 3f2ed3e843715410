/** `bitlinear doctor` from the machine to its checks. */
import type { Backend } from "../../backends/index.ts";
import { formatBytes } from "../../core/number-format.ts";
import { VERSION } from "../../core/version.ts";
import type { CommandContext } from "../commands/command.ts";
import { EXIT_CODES } from "../failure.ts";
import type { Output } from "../output.ts";
import type { CheckResult } from "./check.ts";
import { type BackendStatus, checkBackend, checkFormats, openBackends } from "./inference-checks.ts";
import { describeMachine, type Machine } from "./machine.ts";

/** What `bitlinear doctor` takes. */
export interface DoctorOptions {
  readonly skipTraining: boolean;
}

/** Shows the machine and runs the checks. @returns the exit code: 1 when a check fails */
export async function runDoctor({ skipTraining }: DoctorOptions, { output }: CommandContext): Promise<number> {
  const machine = await describeMachine();
  const statuses = await openBackends();
  printMachine(machine, output);
  printBackends(statuses, output);

  output.print(`\n${output.paint("bold", "checks")}`);
  const checks: CheckResult[] = [];
  for await (const check of runChecks(statuses, skipTraining)) {
    checks.push(check);
    const verdict = check.passed ? output.paint("green", "PASS") : output.paint("red", "FAIL");
    output.print(`  ${verdict}  ${check.name} ${output.paint("dim", `(${check.detail})`)}`);
  }
  const passed = checks.every((check) => check.passed);
  output.emit({
    ...{ version: VERSION, ...machine },
    backends: statuses.map(({ id, backend, reason }) => ({
      ...{ id, isPresent: backend !== undefined, kernels: backend?.kernels, threads: backend?.threads, reason },
    })),
    ...{ checks, passed },
  });
  output.print(
    passed ? "\nAll is well." : "\nSome checks failed: until they pass, do not trust results of this machine.",
  );
  return passed ? 0 : EXIT_CODES.failed;
}

async function* runChecks(statuses: readonly BackendStatus[], skipTraining: boolean): AsyncGenerator<CheckResult> {
  yield await checkFormats();
  for (const { id, reason, isBroken } of statuses) {
    if (isBroken) yield { name: `backend ${id} opens`, passed: false, detail: reason ?? "no reason given" };
  }
  const present = statuses.flatMap(({ backend }) => (backend === undefined ? [] : [backend]));
  for (const backend of present) yield await checkBackend(backend);
  if (skipTraining) return;
  const { checkTraining } = await import("./training-checks.ts");
  for (const { id } of present) yield await checkTraining(id);
}

function printMachine(machine: Machine, output: Output): void {
  const { instructionSets, webAssembly, memory } = machine;
  const yesNo = (is: boolean) => (is ? "yes" : "no");
  const rows = [
    ["bitlinear", VERSION],
    ["Node", `${machine.node} (20.19 or newer)`],
    ["system", machine.platform],
    ["processor", `${machine.processor}, ${machine.cores} ${machine.cores === 1 ? "core" : "cores"}`],
    ["instructions", instructionSets?.join(" ") ?? "not told by this system"],
    ["WebAssembly", `SIMD ${yesNo(webAssembly.simd)}, relaxed SIMD ${yesNo(webAssembly.relaxedSimd)}`],
    ["memory", `${formatBytes(memory.free)} of ${formatBytes(memory.total)} free`],
  ];
  output.print(output.paint("bold", "machine"));
  for (const [name, value] of rows) output.print(`  ${output.paint("dim", name.padEnd(12))}  ${value}`);
}

function printBackends(statuses: readonly BackendStatus[], output: Output): void {
  output.print(`\n${output.paint("bold", "backends, best first")}`);
  for (const { id, summary, backend, reason, isBroken } of statuses) {
    const absent = isBroken ? output.paint("red", "broken ") : output.paint("yellow", "absent ");
    const mark = backend === undefined ? absent : output.paint("green", "present");
    output.print(`  ${mark}  ${id.padEnd(10)}  ${backend === undefined ? reason : describeBackend(summary, backend)}`);
  }
}

function describeBackend(summary: string, { kernels, threads }: Backend): string {
  return `${summary}; kernels: ${kernels.join(", ")}; ${threads} ${threads === 1 ? "thread" : "threads"}`;
}
