/** What can be seen of the machine. */
import { readFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, freemem, platform, totalmem } from "node:os";

/** The machine, as far as kernels care. */
export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly processor: string;
  readonly cores: number;
  /** Instruction sets that kernels can use; undefined where the system does not tell. */
  readonly instructionSets: readonly string[] | undefined;
  readonly webAssembly: { readonly simd: boolean; readonly relaxedSimd: boolean };
  /** Bytes; a limit of the container counts as the total. */
  readonly memory: { readonly total: number; readonly free: number };
}

/** Linux's names of instruction sets that matter for products of small integers. */
const INSTRUCTION_SETS = [
  ...["sse4_1", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_vbmi"],
  ...["amx_int8", "asimd", "asimddp", "i8mm", "sve", "sve2"],
];

/** Looks at the machine. */
export async function describeMachine(): Promise<Machine> {
  const limit = process.constrainedMemory();
  const total = totalmem();
  return {
    node: process.version.slice(1),
    platform: `${platform()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    instructionSets: await instructionSets(),
    webAssembly: { simd: accepts(ONE_VECTOR), relaxedSimd: accepts(RELAXED_SWIZZLE) },
    memory: { total: limit > 0 && limit < total ? limit : total, free: freemem() },
  };
}

async function instructionSets(): Promise<readonly string[] | undefined> {
  if (platform() !== "linux") return undefined;
  const text = await readFile("/proc/cpuinfo", "utf8").catch(() => ""); // a sandbox may hide it
  const [, flags] = /^(?:flags|Features)\s*:(.*)$/m.exec(text) ?? [];
  if (flags === undefined) return undefined;
  const known = new Set(flags.trim().split(/\s+/));
  return INSTRUCTION_SETS.filter((name) => known.has(name));
}

const VECTOR_CONSTANT = [0xfd, 0x0c, ...new Array<number>(16).fill(0)]; // v128.const 0
const ONE_VECTOR = VECTOR_CONSTANT;
const RELAXED_SWIZZLE = [...VECTOR_CONSTANT, ...VECTOR_CONSTANT, 0xfd, 0x80, 0x02]; // i8x16.relaxed_swizzle

/** Whether this engine takes a WebAssembly function `() -> v128` with these instructions. */
function accepts(instructions: readonly number[]): boolean {
  const body = [0, ...instructions, 0x0b]; // no locals, ..., end
  const code = [1, body.length, ...body];
  const sections = [
    ...[0x01, 5, 1, 0x60, 0, 1, 0x7b], // one type: () -> v128
    ...[0x03, 2, 1, 0], // one function of that type
    ...[0x0a, code.length, ...code],
  ];
  return WebAssembly.validate(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections));
}
