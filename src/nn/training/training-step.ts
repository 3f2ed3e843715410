/** One optimizer step, compiled: parameters, optimizer slots and buffers go in and their next values come out. */
import { DivergedError } from "../../core/errors.ts";
import {
  type Compiled,
  compile,
  differentiate,
  type Parameter,
  randomKey,
  type Tensor,
  tensor,
  traceWithParameters,
} from "../../tensor/index.ts";
import { distinctParameters } from "../distinct-parameters.ts";
import type { Module } from "../module.ts";
import type { Optimizer } from "../optimizers/index.ts";
import type { Batch } from "./batches.ts";
import { unknownClass } from "./class-targets.ts";
import { clipByNorm } from "./clip-gradients.ts";
import type { Objective } from "./objective.ts";

/** What a step reports. */
export interface StepResult {
  /** Mean over the batch. */
  readonly loss: number;
  /** What the model gave, `[count, ...]`; empty where it was not asked for. */
  readonly outputs: Float32Array;
}

/** What stays the same over a training. */
export interface StepOptions {
  objective: Objective;
  optimizer: Optimizer;
  /** Largest norm of all gradients together; no clipping without it. */
  clipNorm?: number | undefined;
  seed: number;
  /** Whether steps report what the model gave. */
  needsOutputs: boolean;
}

/** The state of a training inside the engine; `sync()` copies the parameters to the host. */
export class TrainingState implements Disposable {
  readonly #trainable: readonly Parameter[];
  readonly #buffers: readonly Parameter[];
  readonly #frozen: readonly Parameter[];
  readonly #options: StepOptions;
  readonly #step: Compiled;
  /** The step of a training that warms up; another function, because λ enters it as one more tensor. */
  readonly #warmupStep: Compiled;
  /** Trainable parameters, then buffers, then slots: all of the first kind, then all of the second ... */
  #state: Tensor[];
  /** Values of the parameters that are only read. */
  #frozenValues: Tensor[];
  #stepsDone = 0;
  #isSynced = true;

  /** @param slots values of a checkpoint, in the order of `slotValues()`; zeros without them */
  constructor(options: StepOptions, slots?: readonly Float32Array[]) {
    const { trained, frozen } = options.objective;
    const parameters = parametersOf(trained);
    this.#trainable = parameters.filter(({ isTrainable }) => isTrainable);
    this.#buffers = parameters.filter(({ isTrainable }) => !isTrainable);
    this.#frozen = frozen ? parametersOf(frozen) : [];
    this.#options = options;
    this.#step = compile((inputs) => this.#traceStep(inputs));
    this.#warmupStep = compile(([share, ...inputs]) => this.#traceStep(inputs, share));
    const slotTensors = options.optimizer.slotNames.flatMap((_, slot) =>
      this.#trainable.map(({ shape, size }, i) =>
        tensor(slots?.[slot * this.#trainable.length + i] ?? new Float32Array(size), shape),
      ),
    );
    this.#state = [...this.#trainable, ...this.#buffers].map(hostTensor).concat(slotTensors);
    this.#frozenValues = this.#frozen.map(hostTensor);
  }

  /**
   * Runs one step.
   *
   * @param step counted from 1
   * @param share of the ternary weights in ternary layers, in [0, 1]; at 1 they are computed as everywhere else
   * @throws DivergedError when the loss is not finite because a target is no class of the model's
   */
  async run(batch: Batch, step: number, learningRate: number, share = 1): Promise<StepResult> {
    const { optimizer, seed, needsOutputs } = this.#options;
    const inputs = [
      tensor(batch.inputs, [batch.count, ...batch.inputShape]),
      tensor(batch.targets, [batch.count, ...batch.targetShape]),
      randomKey(seed, step),
      ...[learningRate, ...optimizer.stepScalars(step)].map((scalar) => tensor([scalar])),
    ];
    if (share < 1) inputs.unshift(tensor([share]));
    try {
      const [loss, outputs, ...state] = this.#runCompiled(inputs, share < 1);
      for (const old of this.#state) old.dispose();
      this.#state = state;
      this.#stepsDone = step;
      this.#isSynced = false;
      // Waiting here keeps the engine from queueing steps without end.
      const [value] = await loss.data();
      const reason = Number.isFinite(value) ? undefined : unknownClass(batch, outputs.size);
      if (reason) throw new DivergedError(`the loss became ${value} at step ${step}. ${reason}`, step);
      const result = { loss: value, outputs: needsOutputs ? await outputs.data() : new Float32Array(0) };
      loss.dispose();
      outputs.dispose();
      return result;
    } finally {
      for (const input of inputs) input.dispose();
    }
  }

  /**
   * Copies parameters and buffers to the host, where modules and checkpoints read them.
   *
   * @throws DivergedError when one of them is not finite; the host keeps its values then
   */
  async sync(): Promise<void> {
    if (this.#isSynced) return;
    const parameters = [...this.#trainable, ...this.#buffers];
    const values = await Promise.all(parameters.map((_, i) => this.#state[i].data()));
    if (!values.every((numbers) => numbers.every(Number.isFinite))) {
      throw new DivergedError(
        `a parameter is not finite after step ${this.#stepsDone}, although the loss was. Try a smaller learning rate or clipNorm: 1`,
        this.#stepsDone,
      );
    }
    parameters.forEach((parameter, i) => {
      parameter.value = values[i];
    });
    this.#isSynced = true;
  }

  /** The optimizer's arrays, one list for each slot name, in the order of the distinct trainable parameters. */
  async slotValues(): Promise<Float32Array[]> {
    const slots = this.#state.slice(this.#trainable.length + this.#buffers.length);
    return await Promise.all(slots.map((values) => values.data()));
  }

  [Symbol.dispose](): void {
    for (const values of [...this.#state, ...this.#frozenValues]) values.dispose();
    this.#state = [];
    this.#frozenValues = [];
    this.#step[Symbol.dispose]();
    this.#warmupStep[Symbol.dispose]();
  }

  #runCompiled(inputs: readonly Tensor[], isWarmup: boolean): Tensor[] {
    const values = [...this.#state, ...this.#frozenValues];
    if (!isWarmup) return this.#step([...values, ...inputs]);
    const [share, ...others] = inputs;
    return this.#warmupStep([share, ...values, ...others]);
  }

  #traceStep(inputs: readonly Tensor[], share?: Tensor): Tensor[] {
    const { objective, optimizer, clipNorm } = this.#options;
    const count = this.#trainable.length;
    const known = [...this.#trainable, ...this.#buffers];
    const slotsEnd = known.length + count * optimizer.slotNames.length;
    const parameters = inputs.slice(0, count);
    const buffers = inputs.slice(count, known.length);
    const slotsOf = (i: number): Tensor[] =>
      optimizer.slotNames.map((_, slot) => inputs[known.length + slot * count + i]);
    const frozenEnd = slotsEnd + this.#frozen.length;
    const frozen = inputs.slice(slotsEnd, frozenEnd);
    const [x, target, randomKey, rate, ...stepScalars] = inputs.slice(frozenEnd);

    const { value, extra, gradients } = differentiate((variables) => {
      const values = [...variables, ...buffers, ...frozen];
      const settings = { randomKey, ternaryShare: share };
      const { results, updates } = traceWithParameters([...known, ...this.#frozen], values, settings, () => {
        const { outputs, loss } = objective.trace(x, target);
        return [loss, outputs];
      });
      const nextBuffers = this.#buffers.map((buffer, i) => updates.get(buffer) ?? buffers[i]);
      return { value: results[0], extra: [results[1], ...nextBuffers] };
    }, parameters);

    const [outputs, ...nextBuffers] = extra;
    const clipped = clipNorm === undefined ? gradients : clipByNorm(gradients, clipNorm);
    const updates = clipped.map((gradient, i) =>
      optimizer.update(parameters[i], gradient, slotsOf(i), rate, stepScalars),
    );
    const nextSlots = optimizer.slotNames.flatMap((_, slot) => updates.map(({ slots }) => slots[slot]));
    return [value, outputs, ...updates.map(({ parameter }) => parameter), ...nextBuffers, ...nextSlots];
  }
}

function parametersOf(module: Module): Parameter[] {
  return distinctParameters(module).map(([, parameter]) => parameter);
}

function hostTensor({ value, shape }: Parameter): Tensor {
  return tensor(value, shape);
}
