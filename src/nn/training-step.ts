/** One optimizer step, compiled: parameters, optimizer slots and buffers go in and their next values come out. */
import {
  type Compiled,
  compile,
  differentiate,
  type Parameter,
  randomKey,
  type Tensor,
  tensor,
  withParameters,
} from "../tensor/index.ts";
import type { Batch } from "./batches.ts";
import { clipByNorm } from "./clip-gradients.ts";
import type { Loss } from "./losses.ts";
import type { Module } from "./module.ts";
import type { Optimizer } from "./optimizers/index.ts";

/** What a step reports. */
export interface StepResult {
  /** Mean over the batch. */
  readonly loss: number;
  /** What the model gave, `[count, ...]`. */
  readonly outputs: Float32Array;
}

/** What stays the same over a training. */
export interface StepOptions {
  loss: Loss;
  optimizer: Optimizer;
  /** Largest norm of all gradients together; no clipping without it. */
  clipNorm?: number | undefined;
  seed: number;
}

/** The state of a training inside the engine; `sync()` copies the parameters to the host. */
export class TrainingState implements Disposable {
  readonly #trainable: readonly Parameter[];
  readonly #buffers: readonly Parameter[];
  readonly #options: StepOptions;
  readonly #step: Compiled;
  /** Trainable parameters, then their slots (all of the first kind, then all of the second ...), then buffers. */
  #state: Tensor[];

  /** @param slots values of a checkpoint, in the order of `slotValues()`; zeros without them */
  constructor(module: Module, options: StepOptions, slots?: readonly Float32Array[]) {
    const parameters = module.namedParameters().map(([, parameter]) => parameter);
    this.#trainable = parameters.filter(({ isTrainable }) => isTrainable);
    this.#buffers = parameters.filter(({ isTrainable }) => !isTrainable);
    this.#options = options;
    this.#step = compile((inputs) => this.#traceStep(module, inputs));
    const slotTensors = options.optimizer.slotNames.flatMap((_, slot) =>
      this.#trainable.map(({ shape, size }, i) =>
        tensor(slots?.[slot * this.#trainable.length + i] ?? new Float32Array(size), shape),
      ),
    );
    this.#state = [...this.#trainable.map(hostTensor), ...slotTensors, ...this.#buffers.map(hostTensor)];
  }

  /**
   * Runs one step.
   *
   * @param step counted from 1
   */
  async run(batch: Batch, step: number, learningRate: number): Promise<StepResult> {
    const { optimizer, seed } = this.#options;
    const inputs = [
      tensor(batch.inputs, [batch.count, ...batch.inputShape]),
      tensor(batch.targets, [batch.count, ...batch.targetShape]),
      tensor([learningRate, ...optimizer.stepScalars(step)]),
      randomKey(seed, step),
    ];
    const [loss, outputs, ...state] = this.#step([...this.#state, ...inputs]);
    for (const old of [...this.#state, ...inputs]) old.dispose();
    this.#state = state;
    // Waiting here keeps the engine from queueing steps without end.
    const [[lossValue], outputValues] = await Promise.all([loss.data(), outputs.data()]);
    loss.dispose();
    outputs.dispose();
    return { loss: lossValue, outputs: outputValues };
  }

  /** Copies parameters and buffers to the host, where modules and checkpoints read them. */
  async sync(): Promise<void> {
    const slotCount = this.#trainable.length * this.#options.optimizer.slotNames.length;
    const buffersStart = this.#trainable.length + slotCount;
    const copies: [Parameter, Tensor][] = [
      ...this.#trainable.map((parameter, i): [Parameter, Tensor] => [parameter, this.#state[i]]),
      ...this.#buffers.map((parameter, i): [Parameter, Tensor] => [parameter, this.#state[buffersStart + i]]),
    ];
    for (const [parameter, values] of copies) parameter.value = await values.data();
  }

  /** The optimizer's arrays, one list for each slot name, in the order of the trainable parameters. */
  async slotValues(): Promise<Float32Array[]> {
    const slotCount = this.#trainable.length * this.#options.optimizer.slotNames.length;
    const slots = this.#state.slice(this.#trainable.length, this.#trainable.length + slotCount);
    return await Promise.all(slots.map((values) => values.data()));
  }

  [Symbol.dispose](): void {
    for (const values of this.#state) values.dispose();
    this.#state = [];
  }

  #traceStep(module: Module, inputs: readonly Tensor[]): Tensor[] {
    const { loss, optimizer, clipNorm } = this.#options;
    const count = this.#trainable.length;
    const slotCount = optimizer.slotNames.length;
    const parameters = inputs.slice(0, count);
    const slotAt = (slot: number, i: number): Tensor => inputs[count * (1 + slot) + i];
    const buffers = inputs.slice(count * (1 + slotCount), inputs.length - 4);
    const [x, target, scalars, key] = inputs.slice(-4);

    const { value, extra, gradients } = differentiate((variables) => {
      const known = [...this.#trainable, ...this.#buffers];
      const { result, updates } = withParameters(known, [...variables, ...buffers], key, () => module.forward(x));
      const nextBuffers = this.#buffers.map((buffer, i) => updates.get(buffer) ?? buffers[i]);
      return { value: loss(result, target), extra: [result, ...nextBuffers] };
    }, parameters);

    const [outputs, ...nextBuffers] = extra;
    const clipped = clipNorm === undefined ? gradients : clipByNorm(gradients, clipNorm);
    const [rate, ...stepScalars] = Array.from({ length: scalars.size }, (_, i) => scalars.slice(0, i, i + 1));
    const updates = clipped.map((gradient, i) => {
      const slots = Array.from({ length: slotCount }, (_, slot) => slotAt(slot, i));
      return optimizer.update(parameters[i], gradient, slots, rate, stepScalars);
    });
    const nextSlots = Array.from({ length: slotCount }, (_, slot) => updates.map(({ slots }) => slots[slot])).flat();
    return [value, outputs, ...updates.map(({ parameter }) => parameter), ...nextSlots, ...nextBuffers];
  }
}

function hostTensor({ value, shape }: Parameter): Tensor {
  return tensor(value, shape);
}
