/** Memory for one run at a time: its plan, inputs, outputs and workspace. Kept between runs, so that none allocates. */
import { aligned, type Heap } from "./heap.ts";
import type { ModuleExports } from "./module-exports.ts";

/** What a run is of: samples are tokens, or images of one size. */
export interface Work {
  /** Address of the layer. */
  readonly layer: number;
  readonly count: number;
  /** Of images. */
  readonly height: number;
  readonly width: number;
  /** Values of one sample, before and after. */
  readonly inputSize: number;
  readonly outputSize: number;
  /** How long one thread takes, about. */
  readonly nanoseconds: number;
}

/** A place for one run after the other. */
export class RunSpace {
  /** Address of the plan. */
  readonly run: number;
  readonly #exports: ModuleExports;
  readonly #heap: Heap;
  #block = 0;
  #byteLength = 0;
  /** Where the outputs of the run are. */
  #outputs = 0;

  constructor(exports: ModuleExports, heap: Heap) {
    this.#exports = exports;
    this.#heap = heap;
    this.run = heap.allocate(exports.run_byte_length());
  }

  /**
   * Plans a run of some samples and takes them in.
   *
   * @param x `[count, inputSize]`
   * @returns the number of its phases
   */
  begin(work: Work, count: number, x: Float32Array, threads: number): number {
    const workspace = this.#exports.plan_run(this.run, work.layer, count, work.height, work.width, threads) >>> 0;
    const outputs = aligned(4 * count * work.inputSize);
    const rest = outputs + aligned(4 * count * work.outputSize);
    this.#reserve(rest + workspace);
    this.#outputs = this.#block + outputs;
    this.#heap.floats(this.#block, x.length).set(x);
    return this.#exports.start_run(this.run, this.#block, this.#outputs, this.#block + rest);
  }

  /** Copies the outputs of the run. */
  readOutputs(y: Float32Array): void {
    y.set(this.#heap.floats(this.#outputs, y.length));
  }

  /** Gives back all memory but that of the plan. */
  clear(): void {
    if (this.#byteLength > 0) this.#heap.free(this.#block);
    this.#byteLength = 0;
  }

  #reserve(byteLength: number): void {
    if (byteLength <= this.#byteLength) return;
    this.clear();
    this.#block = this.#heap.allocate(byteLength);
    this.#byteLength = byteLength;
  }
}
