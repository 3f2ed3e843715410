/** Which operations need no pass of their own over memory, because the layer before them does their work. */
import type { OutputFunction } from "../backends/index.ts";
import type { Graph } from "./graph.ts";
import { operations } from "./ops/index.ts";

/** What layers do beside their own work. */
export interface Fusion {
  /** By index of a layer's node: what it applies to its outputs. */
  readonly outputFunctions: ReadonlyMap<number, OutputFunction>;
  /** Indices of the nodes that hand their input on, because the layer before them did their work. */
  readonly done: ReadonlySet<number>;
}

/** Finds output functions that follow a layer, where nothing else reads what the layer gives. */
export function findFusion({ nodes, output }: Graph): Fusion {
  const readers = new Array<number>(nodes.length + 1).fill(0);
  for (const value of [...nodes.flatMap(({ inputs }) => inputs), output]) readers[value]++;
  const outputFunctions = new Map<number, OutputFunction>();
  const done = new Set<number>();
  for (const [i, node] of nodes.entries()) {
    const [value] = node.inputs;
    const layer = value - 1;
    if (layer < 0 || node.inputs.length !== 1 || readers[value] !== 1) continue;
    if (!operationOf(nodes[layer].op)?.appliesOutputFunctions) continue;
    const outputFunction = operationOf(node.op)?.outputFunction?.(node);
    if (outputFunction === undefined) continue;
    outputFunctions.set(layer, outputFunction);
    done.add(i);
  }
  return { outputFunctions, done };
}

/** Unknown operations are refused where they are prepared. */
function operationOf(op: string): (typeof operations)[number] | undefined {
  return operations.find(({ id }) => id === op);
}
