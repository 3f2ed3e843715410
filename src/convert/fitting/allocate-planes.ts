/**
 * How many planes each layer gets under a budget of bytes.
 *
 * Every layer starts with its fewest bytes. Then steps are taken in the order of what they save in error per byte, each
 * layer's along the lower convex hull of (bytes, error), where what a byte saves only falls. Up to the first step that no
 * longer fits this is the best that can be had for these bytes. What is left then goes to the steps that still fit; so the
 * error is above the least one by no more than what the first step that did not fit would have saved.
 */
import { UsageError } from "../../core/errors.ts";

/** What the planes of a layer cost and leave. */
export interface LayerChoices {
  readonly name: string;
  /** Bytes with 1, 2, ... planes. */
  readonly bytes: readonly number[];
  /** Squared error with 1, 2, ... planes: of weights or of outputs, but alike for all layers. */
  readonly errors: readonly number[];
}

/** From one number of planes to a larger one. */
interface Step {
  readonly layer: number;
  /** Which of the layer's steps it is. */
  readonly position: number;
  readonly planes: number;
  readonly bytes: number;
  /** Saved error per byte. */
  readonly rate: number;
}

/**
 * The number of planes of each layer, in their order.
 *
 * @param budgetBytes for all layers together
 * @throws UsageError where one plane each already takes more, with the bytes that it takes
 */
export function allocatePlanes(layers: readonly LayerChoices[], budgetBytes: number): number[] {
  const hulls = layers.map(({ bytes, errors }) => lowerHull(bytes, errors));
  const fewest = hulls.map(([first]) => first);
  const least = layers.reduce((sum, { bytes }, i) => sum + bytes[fewest[i]], 0);
  if (!(least <= budgetBytes)) {
    throw new UsageError(
      `a budget of ${budgetBytes} bytes cannot hold ${layers.length} layers of one plane each; the least is ${least} bytes: raise the budget, or convert fewer layers`,
    );
  }
  const chosen = fewest.map((index) => index + 1);
  let left = budgetBytes - least;
  const isBlocked = new Set<number>(); // a layer whose next step does not fit; later steps count from there
  for (const { layer, planes, bytes } of stepsOf(layers, hulls)) {
    if (isBlocked.has(layer)) continue;
    if (bytes > left) {
      isBlocked.add(layer);
      continue;
    }
    left -= bytes;
    chosen[layer] = planes;
  }
  return chosen;
}

/** All steps along the hulls, the best saving per byte first; steps of a layer stay in their order. */
function stepsOf(layers: readonly LayerChoices[], hulls: readonly (readonly number[])[]): Step[] {
  const steps = hulls.flatMap((hull, layer) => {
    const { bytes, errors } = layers[layer];
    let lastRate = Number.POSITIVE_INFINITY;
    return hull.slice(1).map((index, i): Step => {
      const before = hull[i];
      const size = bytes[index] - bytes[before];
      lastRate = Math.min(lastRate, (errors[before] - errors[index]) / size); // rounding must not turn equal ones round
      return { layer, position: i, planes: index + 1, bytes: size, rate: lastRate };
    });
  });
  return steps.sort((a, b) => b.rate - a.rate || a.layer - b.layer || a.position - b.position);
}

/** Indexes of the choices on the lower convex hull, from the fewest bytes to the least error. */
function lowerHull(bytes: readonly number[], errors: readonly number[]): number[] {
  const order = [...bytes.keys()].sort((a, b) => bytes[a] - bytes[b] || errors[a] - errors[b]);
  const hull: number[] = [];
  for (const index of order) {
    const last = hull.at(-1);
    if (last !== undefined && errors[index] >= errors[last]) continue; // more bytes for nothing
    while (hull.length > 1 && isAbove(hull[hull.length - 2], hull[hull.length - 1], index)) hull.pop();
    hull.push(index);
  }
  return hull;

  /** Whether the middle choice saves less per byte than going straight from the first to the last; as much is a smaller step. */
  function isAbove(first: number, middle: number, last: number): boolean {
    const early = (errors[first] - errors[middle]) * (bytes[last] - bytes[first]);
    return early < (errors[first] - errors[last]) * (bytes[middle] - bytes[first]);
  }
}
