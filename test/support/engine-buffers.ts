/** Looks into the training engine's memory, for tests that watch for leaks. */
import { tensor } from "../../src/tensor/index.ts";

/** Number of buffers that the engine holds now. */
export function liveBuffers(): number {
  buffers ??= findBuffers();
  return buffers.size;
}

let buffers: ReadonlyMap<unknown, unknown> | undefined;

/** The engine keeps its buffers in a private map; it is found by watching which map a new tensor is entered into. */
function findBuffers(): ReadonlyMap<unknown, unknown> {
  const found = new Set<Map<unknown, unknown>>();
  const enter = Map.prototype.set;
  Map.prototype.set = function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
    if (typeof value === "object" && value !== null && "ptr" in value && "ref" in value) found.add(this);
    return enter.call(this, key, value);
  };
  try {
    tensor(Float32Array.from({ length: 1000 }, (_, i) => i)).dispose();
  } finally {
    Map.prototype.set = enter;
  }
  const [only, ...others] = found;
  if (!only || others.length > 0) throw new Error(`expected one map of engine buffers, found ${found.size}`);
  return only;
}
