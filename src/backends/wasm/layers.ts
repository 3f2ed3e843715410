/** Layers as callers see them. */
import { activationRule } from "../../activation-rules/index.ts";
import { DeviceError, ShapeError, UsageError } from "../../core/errors.ts";
import { checkElementCount } from "../../core/shape.ts";
import type { MatrixShape } from "../../core/ternary-matrix.ts";
import type { TernaryWeights } from "../../core/ternary-rows.ts";
import {
  type BackendConvolution,
  type BackendLinear,
  type ConvolutionGeometry,
  convolvedSize,
  type LayerOptions,
} from "../backend.ts";
import { checkImages, checkOutput, checkRows } from "../layer-checks.ts";
import type { Engine } from "./engine.ts";
import { type LayerBlock, prepareLayer, readPanels } from "./layer-block.ts";
import type { Work } from "./run-space.ts";
import { run } from "./runs.ts";

/** Products of a code and a trit in a nanosecond, about, on a machine of 2025; on a slower one short work takes longer. */
const integerSpeeds: Readonly<Record<string, number>> = { relaxedsimd: 80, simd128: 30, scalar: 1.5 };
const floatSpeeds: Readonly<Record<string, number>> = { relaxedsimd: 7, simd128: 7, scalar: 1 };
/** What it takes to encode a value. */
const NANOSECONDS_PER_VALUE = 0.5;

/** The module counts with 32 bits. */
const MAX_SIZE = 2 ** 31 - 1;
/** The largest sample, with what is made of it. */
const MAX_SAMPLE_BYTE_LENGTH = 2 ** 31;

/** Frees layers that nobody disposed of. */
const abandoned = new FinalizationRegistry<LayerBlock>((block) => block.letGo());

/** What both kinds of layers have in common. */
class WasmLayer implements Disposable {
  readonly kernel: string;
  readonly byteLength: number;
  readonly #engine: Engine;
  readonly #block: LayerBlock;
  readonly #nanosecondsPerRow: number;
  readonly #shape: MatrixShape;
  #isDisposed = false;

  constructor(
    engine: Engine,
    planes: readonly TernaryWeights[],
    options: LayerOptions & { kernel: string },
    geometry?: ConvolutionGeometry,
  ) {
    this.kernel = options.kernel;
    this.#engine = engine;
    this.#block = prepareLayer(engine, planes, options, geometry);
    this.byteLength = this.#block.byteLength;
    const [{ outFeatures, inFeatures }] = planes;
    this.#shape = { outFeatures, inFeatures };
    const speeds = activationRule(options.activation).isInteger ? integerSpeeds : floatSpeeds;
    this.#nanosecondsPerRow = (outFeatures * inFeatures * planes.length) / (speeds[this.kernel] ?? 1);
    abandoned.register(this, this.#block, this);
  }

  readTrits(plane: number): Int8Array {
    this.checkPresent();
    return readPanels(this.#engine, this.#block.address, plane, this.#shape);
  }

  /** @param rows what meets all weights: tokens, or output positions */
  protected start(
    x: Float32Array,
    rows: number,
    sizes: Omit<Work, "layer" | "nanoseconds">,
    y: Float32Array | undefined,
  ): Float32Array | Promise<Float32Array> {
    const nanoseconds = rows * this.#nanosecondsPerRow + x.length * NANOSECONDS_PER_VALUE;
    checkOutput(y, x, sizes.count * sizes.outputSize);
    const result = run(this.#engine, { ...sizes, layer: this.#block.address, nanoseconds }, x, y);
    if (!(result instanceof Promise)) return result;
    this.#block.hold(); // a layer that is disposed meanwhile ends its run first
    return result.finally(() => this.#block.letGo());
  }

  protected checkPresent(): void {
    if (this.#isDisposed) throw new UsageError("this layer was disposed; prepare it again");
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    abandoned.unregister(this);
    this.#block.letGo();
  }
}

/** A fully connected layer. */
export class WasmLinear extends WasmLayer implements BackendLinear {
  readonly #inFeatures: number;
  readonly #outFeatures: number;

  constructor(engine: Engine, planes: readonly TernaryWeights[], options: LayerOptions & { kernel: string }) {
    super(engine, planes, options);
    [{ inFeatures: this.#inFeatures, outFeatures: this.#outFeatures }] = planes;
  }

  run(x: Float32Array, m: number, y?: Float32Array): Float32Array | Promise<Float32Array> {
    this.checkPresent();
    checkRows(x, m, this.#inFeatures);
    checkElementCount("the output", [m, this.#outFeatures]);
    const [inputSize, outputSize] = [this.#inFeatures, this.#outFeatures];
    return this.start(x, m, { count: m, height: 0, width: 0, inputSize, outputSize }, y);
  }
}

/** A convolution. */
export class WasmConvolution extends WasmLayer implements BackendConvolution {
  readonly #geometry: ConvolutionGeometry;
  readonly #outChannels: number;

  constructor(
    engine: Engine,
    planes: readonly TernaryWeights[],
    geometry: ConvolutionGeometry,
    options: LayerOptions & { kernel: string },
  ) {
    for (const size of [...geometry.kernelSize, ...geometry.stride, ...geometry.padding]) {
      if (size > MAX_SIZE) throw new ShapeError(`sizes of a convolution must be at most ${MAX_SIZE}, got ${size}`);
    }
    super(engine, planes, options, geometry);
    this.#geometry = geometry;
    this.#outChannels = planes[0].outFeatures;
  }

  run(
    x: Float32Array,
    images: number,
    height: number,
    width: number,
    y?: Float32Array,
  ): Float32Array | Promise<Float32Array> {
    this.checkPresent();
    checkImages(x, this.#geometry, [images, height, width]);
    const { inChannels, kernelSize, stride, padding } = this.#geometry;
    const outHeight = convolvedSize(height, kernelSize[0], stride[0], padding[0]);
    const outWidth = convolvedSize(width, kernelSize[1], stride[1], padding[1]);
    checkElementCount("the output", [images, outHeight, outWidth, this.#outChannels]);

    const inputSize = height * width * inChannels;
    const outputSize = outHeight * outWidth * this.#outChannels;
    const paddedSize = (height + 2 * padding[0]) * (width + 2 * padding[1]) * inChannels;
    if (4 * (inputSize + paddedSize + outputSize) > MAX_SAMPLE_BYTE_LENGTH) {
      const size = `${height} x ${width} x ${inChannels}`;
      throw new DeviceError(`an image of ${size}, with padding and output, is too large for WebAssembly: cut it up`);
    }
    const rows = images * outHeight * outWidth;
    return this.start(x, rows, { count: images, height, width, inputSize, outputSize }, y);
  }
}
