/** Running packed weights: the contract of every backend. */
import type { ActivationRuleId } from "../activation-rules/activation-rule.ts";
import type { TernaryWeights } from "../core/ternary-rows.ts";

/** What may be done to every output of a layer: max(0, y), or max(0, y)². NaN stays NaN. */
export type OutputFunction = "relu" | "squaredRelu";

/** What a ternary layer adds to its weights. */
export interface LayerOptions {
  /** How inputs become codes. */
  activation: ActivationRuleId;
  /** `[outFeatures]`, added after the planes. */
  bias?: Float32Array;
  /** Applied last. */
  outputFunction?: OutputFunction;
  /** Forces one of the backend's kernels; without it the backend chooses. */
  kernel?: string;
}

/** Geometry of a convolution over channels-last images. */
export interface ConvolutionGeometry {
  inChannels: number;
  /** `[height, width]` of the kernel. */
  kernelSize: readonly [number, number];
  /** `[vertical, horizontal]` step. */
  stride: readonly [number, number];
  /** Zeros added above and below, left and right. */
  padding: readonly [number, number];
}

/** What layers of both kinds have; a layer frees what it holds when it is disposed. */
interface BackendLayer extends Disposable {
  /** The kernel that runs it. */
  readonly kernel: string;
  /** Bytes the prepared weights take. */
  readonly byteLength: number;
  /**
   * The trits of a plane again, `[outFeatures, inFeatures]` as they were given: so that nobody has to keep them.
   *
   * @throws UsageError when the layer was disposed
   */
  readTrits(plane: number): Int8Array;
}

/**
 * Ternary weights made ready for a backend's kernels. It may keep matrices and the bias, so the caller must not change them;
 * weights by rows are read while it is made, and not later.
 */
export interface BackendLinear extends BackendLayer {
  /**
   * @param x `[m, inFeatures]`
   * @param y `[m, outFeatures]`, where the result of short work is written, and in a SharedArrayBuffer that of long work, too:
   * a new array each time costs more than the smallest layers do. Apart from `x`.
   * @returns `[m, outFeatures]`: Σ over planes of acc · (s_x · s_w), plus bias, as the numeric contract orders it; at once
   * for short work, later for long work, which leaves the caller's thread free. `x` must not change until then.
   * @throws ShapeError when `x` or `y` does not hold that many values, UsageError when they share memory or the layer was
   * disposed
   */
  run(x: Float32Array, m: number, y?: Float32Array): Float32Array | Promise<Float32Array>;
}

/** A ternary convolution made ready; the token of its activation rule is the image. */
export interface BackendConvolution extends BackendLayer {
  /**
   * @param x `[images, height, width, inChannels]`
   * @param y `[images, outHeight, outWidth, outChannels]`, as of a linear layer
   * @returns `[images, outHeight, outWidth, outChannels]`
   * @throws ShapeError when `x` or `y` does not hold that many values, or an image with its padding is smaller than the
   * kernel; UsageError when they share memory or the layer was disposed
   */
  run(
    x: Float32Array,
    images: number,
    height: number,
    width: number,
    y?: Float32Array,
  ): Float32Array | Promise<Float32Array>;
}

/** How a backend is opened. */
export interface BackendOptions {
  /** Threads that share a layer's work; by default `BITLINEAR_THREADS` where there is an environment, else one for each core. */
  threads?: number;
}

/** What the hardware allows at most: measured anew by each call, which keeps the caller's thread for about a second. */
export interface HardwareCeilings {
  /**
   * @param byteLength bytes that the threads read together, several times the last cache
   * @returns GB/s (10⁹ bytes) at which they come from memory; undefined where there is not that much memory
   */
  measureDramRead(threads: number, byteLength: number): number | undefined;
  /**
   * @returns the most GOP/s that the instruction of a kernel reaches which multiplies its int8 codes (a product and its
   * addition are two operations); undefined for a kernel that has none
   */
  measureInt8Dot(threads: number, kernel: string): number | undefined;
}

/** A place where ternary layers run. */
export interface Backend {
  readonly id: string;
  /** Threads that share a layer's work. */
  readonly threads: number;
  /** Names of its kernels on this machine, best first. */
  readonly kernels: readonly string[];
  /**
   * Those of its kernels that hold weights in fewer bits than the best one does, and so may be faster for one token at a time:
   * for models to measure.
   */
  readonly denserKernels?: readonly string[];
  /** Where the backend can tell what the hardware under it allows. */
  readonly ceilings?: HardwareCeilings;
  /**
   * @param planes weights, or several whose products add up (multi-ternary), all of one shape
   * @throws ShapeError when they or the bias do not fit, UnsupportedError for an unknown activation or kernel
   */
  linear(planes: readonly TernaryWeights[], options: LayerOptions): BackendLinear;
  /**
   * @param planes `[outChannels, inChannels · kernelHeight · kernelWidth]`, each row ordered channel, row, column
   * @throws ShapeError, UnsupportedError as `linear` does, ShapeError also for a geometry that is none
   */
  convolution(
    planes: readonly TernaryWeights[],
    geometry: ConvolutionGeometry,
    options: LayerOptions,
  ): BackendConvolution;
}

/** A backend of the list, opened only when it is asked for. */
export interface BackendEntry {
  readonly id: string;
  /** One line for `bitlinear doctor`. */
  readonly summary: string;
  /**
   * The backend, or why this machine does not have it.
   *
   * @throws UsageError for a number of threads that is none
   */
  open(options?: BackendOptions): Promise<Backend | { unavailable: string }>;
}

/** Height or width of a convolution's output. */
export function convolvedSize(size: number, kernelSize: number, stride: number, padding: number): number {
  return Math.floor((size + 2 * padding - kernelSize) / stride) + 1;
}
