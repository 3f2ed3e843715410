/** The names that tensors have in the written file: they are checked before hours are spent on what stands behind them. */
import { FileError } from "../core/errors.ts";
import { targetById } from "./choose-target.ts";
import type { ConversionPlan, PlannedAction } from "./conversion-plan.ts";

/** @throws FileError naming a tensor whose name the target cannot have, or that another tensor has there, too */
export function checkStoredNames({ source: file, target: id, tensors }: ConversionPlan): void {
  const target = targetById(id);
  const encoder = new TextEncoder();
  const owners = new Map<string, string>();
  for (const { name, action } of tensors) {
    for (const stored of target.storedNames(name, planesOf(action))) {
      const other = owners.get(stored);
      if (other !== undefined) {
        const problem = `it is stored as ${JSON.stringify(stored)}, and so is ${JSON.stringify(other)}`;
        throw new FileError(`${problem}: rename one of them`, { file, tensor: name });
      }
      const { length } = encoder.encode(stored);
      if (length === 0 || length > target.maxNameBytes) {
        const problem = `the names of a ${id} file have 1 to ${target.maxNameBytes} bytes, got ${length}`;
        throw new FileError(`${problem}: rename it`, { file, tensor: name });
      }
      owners.set(stored, name);
    }
  }
}

/** Ternary planes, or undefined for a tensor that is not ternary. */
function planesOf(action: PlannedAction): number | undefined {
  return action.kind === "fit" || action.kind === "repack" ? action.planes : undefined;
}
