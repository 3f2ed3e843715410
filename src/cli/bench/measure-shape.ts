/** All figures of some layers of one shape. */
import type { Ceiling } from "./ceiling.ts";
import { type KernelRecord, kernelRecord, type TimedProduct } from "./kernel-record.ts";
import { checkProducts, type LayerShape, type Problem, referenceSample } from "./problem.ts";
import type { Mode, Products, TimedLayer, TimedRun } from "./timed-layer.ts";
import { timeInTurns, type Work } from "./timing.ts";

/** What is timed, and how long it may take. */
export interface MeasurePlan {
  /** Tokens of a product, ascending, and where its weights come from. */
  readonly products: readonly { readonly m: number; readonly mode: Mode }[];
  readonly samples: number;
  readonly sampleMilliseconds: number;
  /** Calls that take longer are left out. */
  readonly slowestMilliseconds: number;
}

/** A product that was not timed. */
export interface TooSlow {
  readonly backend: string;
  readonly kernel: string;
  readonly threads: number;
  readonly m: number;
  readonly mode: Mode;
  /** What a call takes, or would take at most by what fewer tokens took. */
  readonly milliseconds: number;
}

/** What came of one product. */
export type Outcome = { readonly record: KernelRecord; readonly product: TimedProduct } | { readonly tooSlow: TooSlow };

/** Threads that look for work after a product give up within this time. */
const PAUSE_MILLISECONDS = 10;

/** How many times the limit a product may take by what fewer tokens took: many at once take less for each. */
const HOPELESS = 8;

/**
 * Times all layers in turns, batch by batch; their results are checked first.
 *
 * @param layers of one matrix and one number of threads
 * @throws Error when an output is wrong
 */
export async function* measureShape(
  layers: readonly TimedLayer[],
  problem: Problem,
  plan: MeasurePlan,
  ceiling: Ceiling,
): AsyncGenerator<Outcome> {
  const { outFeatures: n, inFeatures: k } = problem.matrix;
  const shape: LayerShape = [n, k];
  const speeds = new Map<TimedLayer, number>(); // milliseconds per token
  for (const m of new Set(plan.products.map((product) => product.m))) {
    const x = problem.x.subarray(0, m * k);
    const sample = await referenceSample(problem, m);
    const durations = new Map<TimedLayer, number>(); // milliseconds of a product
    for (const layer of layers) {
      let milliseconds = (speeds.get(layer) ?? 0) * m;
      if (milliseconds <= HOPELESS * plan.slowestMilliseconds) {
        const isFirst = !speeds.has(layer);
        const check = (products: Products) => {
          checkProducts(products, n, sample, layer);
          spoil(products); // a call that writes nothing must not pass by what the one before it wrote
        };
        if (isFirst) await checkCopies(layer, x, m, check);
        milliseconds = await checkedMilliseconds(layer.warm, x, m, plan.slowestMilliseconds, check);
        speeds.set(layer, milliseconds / m);
      }
      durations.set(layer, milliseconds);
    }
    const modes = plan.products.filter((product) => product.m === m).map(({ mode }) => mode);
    for (const mode of modes) yield* timeLayers(durations, { shape, x, m, mode }, plan, ceiling);
  }
}

interface Call {
  readonly shape: LayerShape;
  readonly x: Float32Array;
  readonly m: number;
  readonly mode: Mode;
}

async function* timeLayers(
  durations: ReadonlyMap<TimedLayer, number>,
  { shape, x, m, mode }: Call,
  { samples, sampleMilliseconds, slowestMilliseconds }: MeasurePlan,
  ceiling: Ceiling,
): AsyncGenerator<Outcome> {
  const runs: { layer: TimedLayer; call: TimedRun }[] = [];
  for (const [layer, duration] of durations) {
    const { backend, kernel, threads, [mode]: call } = layer;
    if (call === undefined) continue;
    const milliseconds = duration * call.products;
    if (milliseconds <= slowestMilliseconds) runs.push({ layer, call });
    else yield { tooSlow: { backend, kernel, threads, m, mode, milliseconds } };
  }
  const works = runs.map(
    ({ call }): Work =>
      () =>
        call.run(x, m),
  );
  const pauseMilliseconds = ceiling.threads > 1 ? PAUSE_MILLISECONDS : 0;
  const timed = await timeInTurns(works, { samples, sampleMilliseconds, pauseMilliseconds });
  for (const [i, { layer, call }] of runs.entries()) {
    const { backend, kernel, threads, byteLength } = layer; // the layer itself would be kept in memory
    const samples = timed[i].map((microseconds) => microseconds / call.products);
    const product = { layer: { backend, kernel, threads, byteLength }, shape, m, mode, samples };
    yield { record: kernelRecord(product, ceiling), product };
  }
}

type Check = (products: Products) => void;

function spoil(products: Products): void {
  for (const y of products instanceof Float32Array ? [products] : products) y.fill(Number.NaN);
}

/** Checks what each copy for cold runs computes. */
async function checkCopies({ cold, copies }: TimedLayer, x: Float32Array, m: number, check: Check): Promise<void> {
  if (cold === undefined) return;
  for (let copy = 0; copy < copies; copy += cold.products) check(await cold.run(x, m));
}

/** Checks a call. @returns the least that it took of three times, of two where it takes long: the first is no measure */
async function checkedMilliseconds(
  call: TimedRun,
  x: Float32Array,
  m: number,
  long: number,
  check: Check,
): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  const begin = performance.now();
  for (let i = 0; i < 2 || (i < 3 && performance.now() - begin <= 2 * long); i++) {
    const started = performance.now();
    const products = await call.run(x, m);
    least = Math.min(least, performance.now() - started);
    check(products);
  }
  return least;
}
