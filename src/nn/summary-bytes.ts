/** What a model takes when its ternary layers are packed, from sizes alone. */
import type { MatrixShape } from "../core/ternary-matrix.ts";
import type { Format } from "../formats/index.ts";
import type { Parameter } from "../tensor/index.ts";
import type { Module } from "./module.ts";

/** Bytes of a float32. */
export const FLOAT_BYTES = 4;

/** Sizes of the trits that a ternary layer is deployed as. */
export interface TernarySizes {
  /** Of each plane. */
  readonly shape: MatrixShape;
  readonly planes: number;
  /** Number of scales of all planes together. */
  readonly scales: number;
  /** Parameters of the layer that trits and scales take the place of. */
  readonly replaced: readonly (Parameter | undefined)[];
}

/** What a module with a ternary weight of its own offers, so that `summary()` can tell its packed size. */
export interface TernaryLayer {
  ternarySizes(): TernarySizes;
}

/**
 * Bytes of the modules of `namedModules()`, in its order, each without its children: packed trits, their scales, and
 * float32 for everything else. What several places share counts in the first of them.
 */
export function packedByteLengths(modules: readonly Module[], format: Format): number[] {
  const counted = new Set<Module | Parameter>();
  const isNew = (part: Module | Parameter): boolean => !counted.has(part) && counted.add(part) !== undefined;
  return modules.map((module) => {
    if (!isNew(module)) return 0;
    const sizes = isTernaryLayer(module) ? module.ternarySizes() : undefined;
    const floats = ownParameters(module).flatMap(([, parameter]) =>
      !sizes?.replaced.includes(parameter) && isNew(parameter) ? [parameter.size] : [],
    );
    return floats.reduce((sum, size) => sum + size * FLOAT_BYTES, sizes ? ternaryByteLength(sizes, format) : 0);
  });
}

/** Parameters in fields of the module itself, by name. */
export function ownParameters(module: Module): [string, Parameter][] {
  const children = module.children().map(([name]) => `${name}.`);
  return module.namedParameters().filter(([name]) => !children.some((child) => name.startsWith(child)));
}

function ternaryByteLength({ shape, planes, scales }: TernarySizes, format: Format): number {
  return planes * format.byteLength(shape) + scales * FLOAT_BYTES;
}

function isTernaryLayer(module: Module): module is Module & TernaryLayer {
  return "ternarySizes" in module && typeof module.ternarySizes === "function";
}
