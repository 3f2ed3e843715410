/** Copies of modules. */
import { UnsupportedError } from "../core/errors.ts";
import { Parameter, Tensor } from "../tensor/index.ts";
import type { Module } from "./module.ts";

/**
 * A copy of a module and of everything below it: parameters, arrays, maps and sets are copied, shared references stay
 * shared; functions and tensors, which are immutable, belong to both. Modules must keep their state in ordinary fields
 * (not in `#private` ones, which a copy does not have).
 *
 * @throws UnsupportedError naming a field whose value cannot be copied
 */
export function cloneModule<M extends Module>(module: M): M {
  return cloneValue(module, "the module", new Map()) as M;
}

function cloneValue(value: unknown, field: string, copies: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null || value instanceof Tensor) return value;
  if (!copies.has(value)) {
    const copy = emptyCopy(value, field);
    copies.set(value, copy); // before its contents, which may lead back to it
    fillCopy(copy, value, copies);
  }
  return copies.get(value);
}

/** A copy without the contents that may hold references. */
function emptyCopy(value: object, field: string): object {
  if (value instanceof Parameter) return new Parameter(value.shape, value.value.slice(), value.isTrainable);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return (value as Float32Array).slice();
  if (Array.isArray(value)) return [];
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  const kind = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (kind === "Object") return Object.create(Object.getPrototypeOf(value));
  // Objects of the language itself have hidden state, which would be missing.
  throw new UnsupportedError(`cloneModule cannot copy ${field}, a ${kind}: keep it outside of the module`);
}

function fillCopy(copy: object, original: object, copies: Map<object, unknown>): void {
  if (original instanceof Parameter || ArrayBuffer.isView(original)) return;
  if (original instanceof Map) {
    for (const [key, value] of original)
      (copy as Map<unknown, unknown>).set(cloneValue(key, "a key", copies), cloneValue(value, String(key), copies));
  }
  if (original instanceof Set) {
    for (const value of original) (copy as Set<unknown>).add(cloneValue(value, "a member", copies));
  }
  for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(original))) {
    if (Array.isArray(original) && key === "length") continue;
    if ("value" in descriptor) descriptor.value = cloneValue(descriptor.value, key, copies);
    Object.defineProperty(copy, key, descriptor);
  }
}
