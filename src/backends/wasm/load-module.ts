/** The modules, compiled when they are asked for. */
import { hasRelaxedSimd } from "./features.ts";

/**
 * Compiles the best module that this engine accepts.
 *
 * @param isShared whether it is for memory that threads share
 */
export async function loadModule(isShared: boolean): Promise<WebAssembly.Module> {
  const { base64 } = await (hasRelaxedSimd() ? relaxedModule(isShared) : plainModule(isShared));
  return WebAssembly.compile(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

function relaxedModule(isShared: boolean): Promise<{ base64: string }> {
  return isShared ? import("./modules/relaxedsimd-threads.ts") : import("./modules/relaxedsimd.ts");
}

function plainModule(isShared: boolean): Promise<{ base64: string }> {
  return isShared ? import("./modules/simd128-threads.ts") : import("./modules/simd128.ts");
}
