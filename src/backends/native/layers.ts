/** Layers in the addon's memory: short work at once, long work in the background. */
import { DeviceError, ShapeError, UsageError } from "../../core/errors.ts";
import { checkElementCount, elementCount, MAX_ELEMENTS } from "../../core/shape.ts";
import { isShared } from "../../core/shared-memory.ts";
import type { MatrixShape } from "../../core/ternary-matrix.ts";
import { rowsOf, type TernaryWeights } from "../../core/ternary-rows.ts";
import {
  type BackendConvolution,
  type BackendLinear,
  type ConvolutionGeometry,
  convolvedSize,
  type LayerOptions,
} from "../backend.ts";
import { checkImages, checkOutput, checkRows } from "../layer-checks.ts";
import type { Addon, NativeLayer } from "./addon.ts";

/** Where layers are made. */
export interface NativeOptions {
  readonly addon: Addon;
  readonly threads: number;
  /** Threads that work at the same time: no more than there are cores. */
  readonly parallelism: number;
  readonly kernel: string;
}

/** Work that the event loop can wait for. */
const SHORT_NANOSECONDS = 1e6;

/** The addon counts with 32 bits. */
const MAX_SIZE = 2 ** 31 - 1;

/** A fully connected layer. */
export class NativeLinear implements BackendLinear {
  readonly kernel: string;
  readonly byteLength: number;
  readonly #layer: NativeLayer;
  readonly #inFeatures: number;
  readonly #outFeatures: number;
  /** Most tokens whose work is short. */
  readonly #shortCount: number;
  #isDisposed = false;

  constructor(planes: readonly TernaryWeights[], options: LayerOptions, native: NativeOptions) {
    this.kernel = native.kernel;
    this.#layer = makeLayer(planes, [], options, native);
    this.byteLength = this.#layer.byteLength;
    [{ inFeatures: this.#inFeatures, outFeatures: this.#outFeatures }] = planes;
    const { nanosecondsPerRow, nanosecondsPerValue } = this.#layer;
    const nanoseconds = nanosecondsPerRow + nanosecondsPerValue * this.#inFeatures;
    const mostElements = Math.floor(MAX_ELEMENTS / this.#outFeatures);
    this.#shortCount = Math.min(mostElements, Math.floor((SHORT_NANOSECONDS * native.parallelism) / nanoseconds));
  }

  run(x: Float32Array, m: number, y?: Float32Array): Float32Array | Promise<Float32Array> {
    if (this.#isDisposed) throw disposedError();
    checkRows(x, m, this.#inFeatures);
    checkOutput(y, x, m * this.#outFeatures);
    if (m > this.#shortCount) {
      checkElementCount("the output", [m, this.#outFeatures]);
      return runLater(() => this.#layer.runLater(x, sharedOrNull(y), m));
    }
    const output = y ?? new Float32Array(m * this.#outFeatures);
    runNow(() => this.#layer.run(x, output, m));
    return output;
  }

  readTrits(plane: number): Int8Array {
    if (this.#isDisposed) throw disposedError();
    return readPanels(this.#layer, plane, { outFeatures: this.#outFeatures, inFeatures: this.#inFeatures });
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#layer.dispose();
  }
}

/** A convolution. */
export class NativeConvolution implements BackendConvolution {
  readonly kernel: string;
  readonly byteLength: number;
  readonly #layer: NativeLayer;
  readonly #geometry: ConvolutionGeometry;
  readonly #outChannels: number;
  readonly #shortNanoseconds: number;
  #isDisposed = false;

  constructor(
    planes: readonly TernaryWeights[],
    geometry: ConvolutionGeometry,
    options: LayerOptions,
    native: NativeOptions,
  ) {
    const { inChannels, kernelSize, stride, padding } = geometry;
    this.kernel = native.kernel;
    this.#layer = makeLayer(planes, [inChannels, ...kernelSize, ...stride, ...padding], options, native);
    this.byteLength = this.#layer.byteLength;
    this.#geometry = geometry;
    this.#outChannels = planes[0].outFeatures;
    this.#shortNanoseconds = SHORT_NANOSECONDS * native.parallelism;
  }

  run(
    x: Float32Array,
    images: number,
    height: number,
    width: number,
    y?: Float32Array,
  ): Float32Array | Promise<Float32Array> {
    if (this.#isDisposed) throw disposedError();
    checkImages(x, this.#geometry, [images, height, width]);
    const { inChannels, kernelSize, stride, padding } = this.#geometry;
    const outHeight = convolvedSize(height, kernelSize[0], stride[0], padding[0]);
    const outWidth = convolvedSize(width, kernelSize[1], stride[1], padding[1]);
    const shape = [images, outHeight, outWidth, this.#outChannels];
    checkElementCount("the output", shape);
    const length = elementCount(shape);
    checkOutput(y, x, length);
    checkElementCount("an image with its padding", [height + 2 * padding[0], width + 2 * padding[1], inChannels]);

    const values = images * (height + 2 * padding[0]) * (width + 2 * padding[1]) * inChannels;
    const { nanosecondsPerRow, nanosecondsPerValue } = this.#layer;
    const nanoseconds = images * outHeight * outWidth * nanosecondsPerRow + values * nanosecondsPerValue;
    if (nanoseconds > this.#shortNanoseconds) {
      return runLater(() => this.#layer.runLater(x, sharedOrNull(y), images, height, width));
    }
    const output = y ?? new Float32Array(length);
    runNow(() => this.#layer.run(x, output, images, height, width));
    return output;
  }

  readTrits(plane: number): Int8Array {
    if (this.#isDisposed) throw disposedError();
    const { inChannels, kernelSize } = this.#geometry;
    const inFeatures = inChannels * kernelSize[0] * kernelSize[1];
    return readPanels(this.#layer, plane, { outFeatures: this.#outChannels, inFeatures });
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#layer.dispose();
  }
}

function makeLayer(
  planes: readonly TernaryWeights[],
  geometry: readonly number[],
  { activation, bias, outputFunction }: LayerOptions,
  { addon, kernel, threads }: NativeOptions,
): NativeLayer {
  const [{ outFeatures, inFeatures }] = planes;
  for (const size of geometry) {
    if (size > MAX_SIZE) throw new ShapeError(`sizes of a convolution must be at most ${MAX_SIZE}, got ${size}`);
  }
  const sizes = Int32Array.of(outFeatures, inFeatures, ...geometry);
  const hasBias = bias !== undefined;
  const layer = attempt(
    () => new addon.NativeLayer(kernel, activation, outputFunction ?? "", threads, sizes, planes.length, hasBias),
  );
  const sources = planes.map(rowsOf);
  const { panelOutputs } = layer;
  try {
    for (let first = 0; first < outFeatures; first += panelOutputs) {
      const count = Math.min(panelOutputs, outFeatures - first);
      const parts = sources.flatMap((source) => [source.readRows(first, count), source.scales]);
      attempt(() => layer.addPanel(bias ?? null, ...parts));
    }
  } catch (error) {
    layer.dispose();
    throw error;
  }
  return layer;
}

function readPanels(layer: NativeLayer, plane: number, { outFeatures, inFeatures }: MatrixShape): Int8Array {
  const trits = new Int8Array(outFeatures * inFeatures);
  const panelLength = layer.panelOutputs * inFeatures;
  for (let start = 0, index = 0; start < trits.length; start += panelLength, index++) {
    layer.readPanel(index, plane, trits.subarray(start, start + panelLength));
  }
  return trits;
}

function attempt<T>(prepare: () => T): T {
  try {
    return prepare();
  } catch (error) {
    throw deviceError("prepare this layer", error);
  }
}

/** Threads write to the memory of long runs, which must be there until they end: other arrays can be detached meanwhile. */
function sharedOrNull(y: Float32Array | undefined): Float32Array | null {
  return y !== undefined && isShared(y) ? y : null;
}

function runNow(run: () => void): void {
  try {
    run();
  } catch (error) {
    throw deviceError("run this layer", error);
  }
}

async function runLater(begin: () => Promise<Float32Array>): Promise<Float32Array> {
  try {
    return await begin();
  } catch (error) {
    throw deviceError("finish this run", error);
  }
}

function deviceError(what: string, cause: unknown): DeviceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DeviceError(`the native backend could not ${what}: ${reason}`, { cause });
}

function disposedError(): UsageError {
  return new UsageError("this layer was disposed; prepare it again");
}
