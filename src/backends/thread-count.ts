/** How many threads share the work of a layer. */
import { UsageError } from "../core/errors.ts";

/** Most threads that a backend may be asked for. */
export const MAX_THREADS = 1024;

/**
 * Threads of a backend: what its opener asks for, else `BITLINEAR_THREADS` where there is an environment, else one for each
 * core.
 *
 * @throws UsageError for a number of threads that is none
 */
export function threadCount(wanted: number | undefined): number {
  if (wanted !== undefined) return checkThreads("threads", wanted);
  const variable = globalThis.process?.env?.BITLINEAR_THREADS;
  return variable ? checkThreads("BITLINEAR_THREADS", Number(variable), variable) : Math.min(coreCount(), MAX_THREADS);
}

function checkThreads(name: string, threads: number, shown: number | string = threads): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS) return threads;
  throw new UsageError(`${name} must be a whole number from 1 to ${MAX_THREADS}, got ${shown}`);
}

/**
 * Cores that this program may use. Two hardware threads of one core count once, where the system tells: they share the units
 * that multiply.
 */
export function coreCount(): number {
  const nodeProcess: NodeJS.Process | undefined = globalThis.process;
  const os = nodeProcess?.getBuiltinModule?.("node:os");
  const logical = os ? os.availableParallelism() : globalThis.navigator?.hardwareConcurrency;
  return Math.max(1, Math.min(logical || 1, physicalCores() ?? Number.POSITIVE_INFINITY));
}

/** Linux lists the processors that share a core; undefined elsewhere, and in a sandbox that hides them. */
function physicalCores(): number | undefined {
  const nodeProcess: NodeJS.Process | undefined = globalThis.process;
  if (nodeProcess?.platform !== "linux") return undefined;
  const fs = nodeProcess.getBuiltinModule?.("node:fs");
  try {
    const status = fs?.readFileSync("/proc/self/status", "utf8") ?? "";
    const [, allowed] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status) ?? [];
    const siblings = parseCpuList(allowed).map((cpu) =>
      fs?.readFileSync(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, "utf8"),
    );
    return new Set(siblings).size || undefined;
  } catch {
    return undefined;
  }
}

/** Processors of a list such as `0-3,8`. */
export function parseCpuList(list = ""): number[] {
  return list
    .split(",")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [first, last = first] = part.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}
