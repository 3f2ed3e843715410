/** Where the values of a model come from and who reads them last: what its arrays may be used for. */
import type { Graph } from "./graph.ts";
import type { PreparedOperation } from "./operation.ts";

/** What is known of a graph before it runs. */
export interface ValueFlow {
  /** By node: values, counted from the input on, that nobody reads after it. The output is not among them. */
  readonly released: readonly (readonly number[])[];
  /** By node: whether it may write over its first input. */
  readonly mayOverwrite: readonly boolean[];
  /** By node: whether the array of its result may be that of the output. */
  readonly becomesOutput: readonly boolean[];
}

/** @param operations of the nodes, in their order */
export function traceValues(graph: Graph, operations: readonly PreparedOperation[]): ValueFlow {
  const lastUses = lastUsesOf(graph);
  const mayOverwrite = findOverwritable(graph, lastUses, operations);
  const becomesOutput = graph.nodes.map(() => false);
  for (let value = graph.output; value > 0; ) {
    const node = value - 1;
    becomesOutput[node] = true;
    const isSameArray = operations[node].handsOn === true || mayOverwrite[node];
    value = isSameArray ? graph.nodes[node].inputs[0] : 0;
  }
  const released = graph.nodes.map((): number[] => []);
  for (const [value, last] of lastUses.entries()) released[last < 0 ? value - 1 : last]?.push(value); // unread ones at once
  return { released, mayOverwrite, becomesOutput };
}

/** By value: the node that reads it last, -1 where none does; infinite for the output, which the caller reads. */
function lastUsesOf({ nodes, output }: Graph): number[] {
  const last = new Array<number>(nodes.length + 1).fill(-1);
  for (const [i, node] of nodes.entries()) for (const index of node.inputs) last[index] = i;
  last[output] = Number.POSITIVE_INFINITY;
  return last;
}

/** Nodes after which nobody reads their first input, under none of its names; the caller's own array is never one. */
function findOverwritable(
  { nodes }: Graph,
  lastUses: readonly number[],
  operations: readonly PreparedOperation[],
): boolean[] {
  const origins = [0]; // the value whose data each value may have
  for (const [i, node] of nodes.entries()) origins.push(operations[i].handsOn ? origins[node.inputs[0]] : i + 1);
  const lastUseOfOrigin = new Array<number>(origins.length).fill(-1);
  for (const [value, origin] of origins.entries()) {
    lastUseOfOrigin[origin] = Math.max(lastUseOfOrigin[origin], lastUses[value]);
  }
  return nodes.map(({ inputs: [value] }, i) => {
    const isFree = origins[value] !== 0 && lastUseOfOrigin[origins[value]] === i;
    return operations[i].overwrites === true && isFree;
  });
}
