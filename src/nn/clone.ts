/** Copies of modules. */
import { Parameter } from "../tensor/index.ts";
import type { Module } from "./module.ts";

/**
 * A copy of a module and of everything below it: parameters are copied, structure and shared references are kept,
 * functions and frozen data are shared. Modules must keep their state in ordinary fields (not in `#private` ones).
 */
export function cloneModule<M extends Module>(module: M): M {
  return cloneValue(module, new Map()) as M;
}

function cloneValue(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (value instanceof Parameter) {
    const copy = new Parameter(value.shape, value.value.slice(), value.isTrainable);
    copies.set(value, copy);
    return copy;
  }
  if (ArrayBuffer.isView(value)) return structuredClone(value);
  const copy: object = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value));
  copies.set(value, copy);
  for (const key of Reflect.ownKeys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    if (!descriptor || (Array.isArray(value) && key === "length")) continue;
    if ("value" in descriptor) descriptor.value = cloneValue(descriptor.value, copies);
    Object.defineProperty(copy, key, descriptor);
  }
  return copy;
}
