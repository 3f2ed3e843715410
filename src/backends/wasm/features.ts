/** What this engine can do: one tiny module for each question, which it accepts or not. */

/** Whether it has 128-bit SIMD; the module makes a vector. */
export function hasSimd(): boolean {
  return accepts(MAKE_VECTOR, END);
}

/** Whether it has relaxed SIMD; the module calls `i32x4.relaxed_dot_i8x16_i7x16_add_s` with three vectors. */
export function hasRelaxedSimd(): boolean {
  return accepts(MAKE_VECTOR, MAKE_VECTOR, MAKE_VECTOR, [0xfd, 0x93, 0x02], END);
}

/** Whether threads can share memory: in Node, and in browsers where the page is isolated from other origins. */
export function canShareMemory(): boolean {
  const isNode = globalThis.process?.getBuiltinModule?.("node:worker_threads") !== undefined;
  return typeof SharedArrayBuffer === "function" && (isNode || globalThis.crossOriginIsolated === true);
}

const MAKE_VECTOR = [0x41, 0, 0xfd, 0x0f]; // i32.const 0, i8x16.splat
const END = [0x0b];

/** Whether a module is valid whose only function has this code and returns a vector. */
function accepts(...code: number[][]): boolean {
  const body = [0, ...code.flat()]; // no locals
  const codeSection = [0x0a, body.length + 2, 1, body.length, ...body];
  const module = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0, ...codeSection];
  return globalThis.WebAssembly?.validate(Uint8Array.from(module)) ?? false;
}
