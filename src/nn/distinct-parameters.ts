/** Parameters of a module that may hold the same layer, or the same weight, in several places. */
import type { Parameter } from "../tensor/index.ts";
import type { Module } from "./module.ts";

/** Every parameter once, under the first of its names; `namedParameters` has one entry for each name. */
export function distinctParameters(module: Module): [string, Parameter][] {
  const names = new Map<Parameter, string>();
  for (const [name, parameter] of module.namedParameters()) if (!names.has(parameter)) names.set(parameter, name);
  return [...names].map(([parameter, name]) => [name, parameter]);
}
