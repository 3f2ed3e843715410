/** Random calls of the addon's entry points, about half of them as they should be: `calls.mjs addon seconds seed`. */
import { createRequire } from "node:module";
import type { Addon, NativeLayer } from "../../../src/backends/native/addon.ts";
import { RandomSource } from "../../../src/core/random.ts";

const [path, seconds, seed] = process.argv.slice(2);
const addon: Addon = createRequire(import.meta.url)(path);
const random = new RandomSource(Number(seed));
const kernels = addon.kernels();
const outcomes = new Map<string, number>();

// What fills arrays is made once: making it anew would take most of the time.
const TRITS = Int8Array.from({ length: 2 ** 20 }, () => random.integer(3) - 1);
const BYTES = Int8Array.from({ length: 2 ** 20 }, () => random.integer(256));
const VALUES = [2 ** -149, 1e-5, 1, 2 ** 124].map((scale) =>
  Float32Array.from({ length: 2 ** 18 }, () => random.normal() * scale),
);

/** Anything that a caller could pass by mistake or on purpose. */
const STRANGE: readonly (() => unknown)[] = [
  ...[undefined, null, true, "", "int8", Number.NaN, Number.POSITIVE_INFINITY].map((value) => () => value),
  ...[-1, -0.5, 0, 0.5, 1, 3, 64, 2 ** 15, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300].map(
    (value) => () => value,
  ),
  ...[{}, [], 10n, Symbol("x"), () => 1, new Proxy({}, {}), Object.create(addon.NativeLayer.prototype)].map(
    (value) => () => value,
  ),
  () => new Float32Array(random.integer(100)),
  () => new Int8Array(random.integer(100)),
  () => new Int32Array(random.integer(10)),
  () => Int32Array.from({ length: random.integer(2) === 0 ? 2 : 9 }, strangeSize),
  () => new Float64Array(random.integer(100)),
  () => new Float32Array(new SharedArrayBuffer(4 * random.integer(100))),
  () => new ArrayBuffer(8),
  () => new DataView(new ArrayBuffer(8)),
  () => detached(new Float32Array(random.integer(100))),
  () => shrunk(random.integer(100)),
  () => layers[random.integer(Math.max(1, layers.length))],
];

/** Layers that are alive or disposed, most of them sound. */
const layers: NativeLayer[] = [];
const pending = new Set<Promise<unknown>>();
const sizesOf = new WeakMap<NativeLayer, readonly number[]>();

const end = Date.now() + Number(seconds) * 1000;
let calls = 0;
while (Date.now() < end) {
  oneCall();
  calls++;
  if (calls % 64 === 0) await new Promise(setImmediate); // results arrive
  if (calls % 4096 === 0) globalThis.gc?.();
  while (pending.size > 20) await new Promise(setImmediate);
}
while (pending.size > 0) await new Promise(setImmediate);
const counts = [...outcomes].sort(([, a], [, b]) => b - a).map(([outcome, count]) => `  ${count} ${outcome}`);
console.log(`${calls} calls without a crash\n${counts.join("\n")}`);

function oneCall(): void {
  const action = random.integer(20);
  if (action === 0) attempt("kernels", listKernels);
  else if (action === 1) attempt("ceilings", callCeilings);
  else if (action <= 4 || layers.length === 0) attempt("new", makeLayer);
  else if (action === 5) attempt("dispose", disposeLayer);
  else if (action === 6) attempt("sizes", readSizes);
  else if (action === 7) attempt("strange this", callOnStrangeThis);
  else if (action <= 14) attempt("run", () => callRun(false));
  else attempt("runLater", () => callRun(true));
}

function listKernels(): void {
  addon.kernels(...(strangeArguments(random.integer(3)) as [string]));
  addon.bitsPerWeight(...(strangeArguments(random.integer(3)) as [string]));
}

function attempt(name: string, call: () => unknown): void {
  try {
    call();
    tally(name);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    tally(`${name}: ${error.message}`);
  }
}

function tally(outcome: string): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

function pick(): NativeLayer {
  return layers[random.integer(layers.length)];
}

/** Most of those that are disposed are not called any more. */
function disposeLayer(): void {
  const index = random.integer(layers.length);
  layers[index].dispose();
  if (random.integer(8) > 0) layers.splice(index, 1);
}

/** Replaces now and then what would have been right. */
function perhaps<T>(right: T): T {
  return random.integer(12) === 0 ? (strange() as T) : right;
}

function strange(): unknown {
  return STRANGE[random.integer(STRANGE.length)]();
}

function strangeArguments(count: number): unknown[] {
  return Array.from({ length: count }, strange);
}

function strangeSize(): number {
  return random.integer(3) === 0 ? random.integer(2 ** 30) * 2 - 2 ** 30 : random.integer(20) - 2;
}

/** Small enough that the padded image is filled in no time, or so large that it is refused. */
function strangeStep(): number {
  return random.integer(2) === 0 ? random.integer(2 ** 9) : 2 ** 29 + random.integer(2 ** 29);
}

function makeLayer(): void {
  const isConvolution = random.integer(3) === 0;
  const outFeatures = 1 + random.integer(random.integer(4) === 0 ? 300 : 70);
  const window = Array.from({ length: 3 }, () => 1 + random.integer(4));
  const inFeatures = isConvolution ? window[0] * window[1] * window[2] : 1 + random.integer(200);
  const strides = [1 + random.integer(3), 1 + random.integer(3), random.integer(3), random.integer(3)];
  if (random.integer(20) === 0) strides[random.integer(4)] = strangeStep();
  const sizes = [outFeatures, inFeatures, ...(isConvolution ? [...window, ...strides] : [])];
  const planes = 1 + random.integer(3);
  const hasBias = random.integer(2) === 0;
  const layer = Reflect.construct(addon.NativeLayer, [
    perhaps(kernels[random.integer(kernels.length)]),
    perhaps(["int8", "sign", "none"][random.integer(3)]),
    perhaps(["", "relu", "squaredRelu"][random.integer(3)]),
    perhaps(1 + random.integer(6)),
    perhaps(Int32Array.from(sizes, (size) => (random.integer(200) === 0 ? strangeSize() : size))),
    perhaps(planes),
    perhaps(hasBias),
    ...(random.integer(50) === 0 ? strangeArguments(random.integer(3)) : []),
  ]);
  fillPanels(layer, sizes, planes, hasBias);
  sizesOf.set(layer, sizes);
  if (layers.length < 50) layers.push(layer);
  else layers[random.integer(50)] = layer;
}

/** Panel by panel; a layer of strange sizes refuses them, and is left without. */
function fillPanels(
  layer: NativeLayer,
  [outFeatures, inFeatures]: readonly number[],
  planes: number,
  hasBias: boolean,
) {
  const panels = Math.ceil(outFeatures / layer.panelOutputs) + (random.integer(20) === 0 ? random.integer(3) - 1 : 0);
  for (let panel = 0; panel < panels; panel++) {
    const rows = Math.min(layer.panelOutputs, outFeatures - panel * layer.panelOutputs);
    const parts = Array.from({ length: planes }, () => [
      rarely(partOf(random.integer(50) === 0 ? BYTES : TRITS, Math.max(0, rows) * inFeatures)),
      rarely(new Float32Array(random.integer(2) === 0 ? 1 : outFeatures).fill(0.5)),
    ]);
    const bias = rarely(hasBias ? new Float32Array(outFeatures) : null);
    const more = random.integer(50) === 0 ? strangeArguments(random.integer(3)) : [];
    attempt("addPanel", () => Reflect.apply(layer.addPanel, layer, [bias, ...parts.flat(), ...more]));
  }
}

/** As `perhaps`, but so that most layers with many panels get all of them. */
function rarely<T>(right: T): T {
  return random.integer(60) === 0 ? (strange() as T) : right;
}

/** Sizes and trits of a layer. */
function readSizes(): void {
  const layer = pick();
  const [outFeatures = 1, inFeatures = 1] = sizesOf.get(layer) ?? [];
  const panels = Math.ceil(outFeatures / Math.max(1, layer.panelOutputs));
  const index = random.integer(panels);
  const rows = Math.min(layer.panelOutputs, outFeatures - index * layer.panelOutputs);
  const trits = new Int8Array(Math.max(0, rows * inFeatures));
  layer.readPanel(perhaps(index), perhaps(random.integer(2)), perhaps(trits));
  tally(`sizes of ${typeof (layer.byteLength + layer.nanosecondsPerRow)}`);
}

/** Right where it can be, with an input or output that now and then is too short or too long. */
function callRun(isLater: boolean): void {
  const layer = pick();
  const [outFeatures, inFeatures, channels, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX] =
    sizesOf.get(layer) ?? [];
  const count = random.integer(random.integer(10) === 0 ? 300 : 8);
  const size = channels === undefined ? [] : [kernelHeight + random.integer(9), kernelWidth + random.integer(9)];
  const [height = 1, width = 1] = size;
  const positions =
    channels === undefined
      ? 1
      : outSize(height, kernelHeight, strideY, paddingY) * outSize(width, kernelWidth, strideX, paddingX);
  const x = input(count * (channels === undefined ? inFeatures : height * width * channels));
  const batch = [count, ...size].map((value) => perhaps(value));
  const length = Math.min(2 ** 22, count * positions * outFeatures);
  if (!isLater) {
    Reflect.apply(layer.run, layer, [perhaps(x), perhaps(input(length)), ...batch]);
    return;
  }
  const y = [null, new Float32Array(new SharedArrayBuffer(4 * length)), input(length)][random.integer(3)];
  const run: Promise<unknown> = Reflect.apply(layer.runLater, layer, [perhaps(x), perhaps(y), ...batch]);
  if (random.integer(3) === 0) detached(x);
  if (random.integer(30) === 0) globalThis.gc?.(true); // which frees what was detached
  if (random.integer(50) === 0) layer.dispose();
  pending.add(run);
  run.then(
    () => settle(run, "settled"),
    (error: Error) => settle(run, error.message),
  );
}

function settle(run: Promise<unknown>, outcome: string): void {
  pending.delete(run);
  tally(`runLater: ${outcome}`);
}

function outSize(size: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

/** A copy of a part, or of the whole and zeros where that is not enough. */
function partOf<T extends Int8Array | Float32Array>(all: T, length: number): T {
  const start = random.integer(Math.max(1, all.length - length));
  const copy: T = Reflect.construct(all.constructor as new () => T, [length]);
  copy.set(all.subarray(start, start + length));
  return copy;
}

function input(length: number): Float32Array {
  const wrong = random.integer(20) === 0 ? random.integer(5) - 2 : 0;
  const values = partOf(VALUES[random.integer(VALUES.length)], Math.max(0, Math.min(2 ** 22, length) + wrong));
  if (random.integer(10) === 0 && values.length > 0) values[random.integer(values.length)] = Number.NaN;
  return values;
}

/** What they measure takes long, so nearly all of it is refused. */
function callCeilings(): void {
  const threads = random.integer(200) === 0 ? strange() : -1;
  Reflect.apply(addon.measureInt8Dot, addon, [threads, perhaps("scalar"), ...strangeArguments(random.integer(2))]);
  Reflect.apply(addon.measureDramRead, addon, [perhaps(1), random.integer(2) === 0 ? -5 : "many"]);
}

function callOnStrangeThis(): void {
  const names = ["addPanel", "readPanel", "run", "runLater", "dispose"] as const;
  Reflect.apply(pick()[names[random.integer(names.length)]], strange(), strangeArguments(random.integer(6)));
}

function detached(values: Float32Array): Float32Array {
  structuredClone(values, { transfer: [values.buffer as ArrayBuffer] });
  return values;
}

function shrunk(length: number): Float32Array {
  const buffer = Reflect.construct(ArrayBuffer, [4 * length, { maxByteLength: 8 * length }]);
  const values = new Float32Array(buffer);
  buffer.resize(random.integer(4 * length + 1));
  return values;
}
