/** Small WebAssembly modules with memory of their own, for work that plain loops do several times slower. */

/** Where a module's own data may begin. */
const ALIGNMENT = 16;
const PAGE_BYTES = 2 ** 16;
/** What a module keeps below its heap. */
const OWN_PAGES = 2;

/** A module that is ready. */
export interface SmallModule<Exports> {
  readonly exports: Exports;
  readonly buffer: ArrayBuffer;
  /** Where in the buffer there is room, at a multiple of 16. */
  readonly start: number;
}

/**
 * Compiles and starts a module at once, which browsers allow for small ones.
 *
 * @param base64 the bytes of a module that imports `env.memory`
 * @param byteLength the room it needs
 * @throws WebAssembly.CompileError where an engine does not know its instructions, or a page may not compile code
 */
export function openSmallModule<Exports>(base64: string, byteLength: number): SmallModule<Exports> {
  const module = new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  const pages = Math.ceil(byteLength / PAGE_BYTES) + OWN_PAGES;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const { __heap_base } = exports as { readonly __heap_base: WebAssembly.Global<"i32"> };
  const start = Math.ceil(__heap_base.value / ALIGNMENT) * ALIGNMENT;
  return { exports: exports as Exports, buffer: memory.buffer, start };
}
