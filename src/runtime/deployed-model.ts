/** A packed model that runs: operations over one backend, without the training engine. */
import { type Backend, type OutputFunction, openBackend } from "../backends/index.ts";
import { ShapeError, UnsupportedError, UsageError } from "../core/errors.ts";
import { elementCount, formatShape, type Shape } from "../core/shape.ts";
import { isShared } from "../core/shared-memory.ts";
import { chooseKernels } from "./choose-kernels.ts";
import { findFusion } from "./fusion.ts";
import { checkGraph, fitsPattern, formatPattern, type Graph, type GraphNode } from "./graph.ts";
import { ArraysOfRun, KeptArrays } from "./kept-arrays.ts";
import { describe, type HostTensor, type PreparedOperation } from "./operation.ts";
import { operationById } from "./ops/index.ts";
import { withoutBytes } from "./planes.ts";
import { floatByteLengthOf, storedByteLengthOf } from "./stored-size.ts";
import { traceValues, type ValueFlow } from "./value-flow.ts";

/** Where a model runs. */
export interface OpenOptions {
  /** Backend by name, or one that is open; the best of this machine without it. */
  backend?: string | Backend;
  /**
   * `"latency"`: runs will bring one token at a time. Fully connected layers are measured so, and each runs on the kernel that
   * was fastest; loading takes longer. Results are the same in all bits.
   */
  optimizeFor?: "latency";
}

/** Options of `DeployedModel.run`. */
export interface RunOptions {
  /** Shape of the whole input, `[batch, ...]`; needed where the model takes inputs of varying size. */
  shape?: Shape;
  /**
   * Where the output is written, as many values as it has; without it a new array. It may be the input. Long work writes to it
   * directly where it is in a SharedArrayBuffer, and is copied otherwise.
   */
  output?: Float32Array;
}

/** @throws UnsupportedError when the backend is unknown or cannot run here */
export async function backendOf({ backend }: OpenOptions): Promise<Backend> {
  return typeof backend === "object" ? backend : await openBackend(backend);
}

/** A model ready to run; `using model = ...` or `dispose()` frees what the backend holds. */
export class DeployedModel implements Disposable {
  /**
   * Operations, attributes and weights. Packed weights are made of what the backend holds each time that they are read, which
   * a disposed model cannot.
   */
  readonly graph: Graph;
  readonly #backend: Backend;
  readonly #operations: readonly PreparedOperation[];
  readonly #flow: ValueFlow;
  readonly #keptArrays = new KeptArrays();
  #isDisposed = false;

  private constructor(graph: Graph, backend: Backend, operations: readonly PreparedOperation[]) {
    this.graph = graph;
    this.#backend = backend;
    this.#operations = operations;
    this.#flow = traceValues(graph, operations);
  }

  /**
   * Prepares a graph on a backend.
   *
   * @throws ShapeError when the graph is not executable, UnsupportedError when an operation or the backend is unknown; both
   * name the node
   */
  static async open(graph: Graph, options: OpenOptions = {}): Promise<DeployedModel> {
    checkGraph(graph);
    const backend = await backendOf(options);
    const prepared: PreparedOperation[] = [];
    try {
      const { outputFunctions, done } = findFusion(graph);
      for (const [i, node] of graph.nodes.entries()) {
        prepared.push(done.has(i) ? HAND_ON : prepareNode(node, backend, outputFunctions.get(i)));
      }
      if (isForLatency(options)) {
        await chooseKernels(prepared, backend, (i, kernel) => {
          return prepareNode(graph.nodes[i], backend, outputFunctions.get(i), kernel);
        });
      }
    } catch (error) {
      for (const operation of prepared) operation[Symbol.dispose]?.();
      throw error;
    }
    const nodes = graph.nodes.map((node, i) => withoutBytes(node, prepared[i]));
    return new DeployedModel({ ...graph, nodes }, backend, prepared);
  }

  /** Id of the backend that runs it. */
  get backend(): string {
    return this.#backend.id;
  }

  /** Texts that travel with the model, such as the names of its classes; empty where there are none. */
  get metadata(): Readonly<Record<string, string>> {
    return this.graph.metadata ?? {};
  }

  /** Bytes of its weights as they are stored: packed trits, scales, biases, norms. */
  get byteLength(): number {
    return storedByteLengthOf(this.graph.nodes);
  }

  /** Bytes of the same weights as float32. */
  get floatByteLength(): number {
    return floatByteLengthOf(this.graph.nodes);
  }

  /** Kernel of each node that has one, by node name. */
  get kernels(): Readonly<Record<string, string>> {
    const named = this.#operations.map((operation, i) => [this.graph.nodes[i].name, operation.kernel] as const);
    return Object.fromEntries(named.filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  /**
   * Runs a batch.
   *
   * @param input `[batch, ...inputShape]` row-major; the batch size follows from the length
   * @returns the output, `[batch, ...]` row-major: `options.output` where it is given
   * @throws ShapeError when the length is not a multiple of a sample or `options.output` has another length than the output,
   * UsageError when that is no Float32Array or the model was disposed
   */
  async run(input: ArrayLike<number>, options: RunOptions = {}): Promise<Float32Array> {
    return (await this.runTensor(input, options)).data;
  }

  /** The same, with the shape of the output. */
  async runTensor(input: ArrayLike<number>, options: RunOptions = {}): Promise<HostTensor> {
    if (this.#isDisposed) throw new UsageError("this model was disposed; load or deploy it again");
    if (options.output !== undefined && !(options.output instanceof Float32Array)) {
      throw new UsageError("the array for the output must be a Float32Array");
    }
    const data = input instanceof Float32Array ? input : Float32Array.from(input);
    const arrays = new ArraysOfRun(this.#keptArrays);
    try {
      const output = await this.#runNodes({ data, shape: this.#shapeOf(data.length, options.shape) }, arrays, options);
      if (options.output) {
        copyOutput(output, options.output);
        return { shape: output.shape, data: options.output };
      }
      // Operations that only change the shape hand their input on; what the caller gets must not be what it gave.
      return output.data.buffer === data.buffer ? { shape: output.shape, data: output.data.slice() } : output;
    } finally {
      arrays.end();
    }
  }

  async #runNodes(input: HostTensor, arrays: ArraysOfRun, options: RunOptions): Promise<HostTensor> {
    const { released, mayOverwrite, becomesOutput } = this.#flow;
    const takeOutput = takeOnce(mayShare(options.output, input.data) ? undefined : options.output);
    const values = [input];
    for (const [i, operation] of this.#operations.entries()) {
      const { inputs } = this.graph.nodes[i];
      const target = mayOverwrite[i] ? values[inputs[0]].data : undefined;
      const result = operation.run(
        inputs.map((index) => values[index]),
        target,
        becomesOutput[i] ? takeOutput : arrays.take,
      );
      const value = result instanceof Promise ? await result : result;
      arrays.add(value.data);
      arrays.dropUnused();
      values.push(value);
      for (const index of released[i]) {
        arrays.release(values[index].data);
        values[index] = RELEASED;
      }
    }
    return values[this.graph.output];
  }

  /** Frees what the backend holds; the model cannot run afterwards. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#keptArrays.close();
    for (const operation of this.#operations) operation[Symbol.dispose]?.();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #shapeOf(length: number, given: Shape | undefined): Shape {
    const { inputShape: pattern, sampleShape } = this.graph;
    if (given) {
      if (elementCount(given) !== length) {
        throw new ShapeError(
          `an input of shape ${formatShape(given)} has ${elementCount(given)} values, got ${length}`,
        );
      }
      if (given.length > 0 && (!pattern || fitsPattern(given.slice(1), pattern))) return given;
      throw new ShapeError(`this model takes inputs of shape ${this.#describeInput()}, got ${formatShape(given)}`);
    }
    const known = pattern?.every((size) => size !== null) ? (pattern as Shape) : sampleShape;
    if (!known) {
      throw new ShapeError(
        `this model takes inputs of shape ${this.#describeInput()}: pass { shape: [batch, ...] } to run()`,
      );
    }
    const size = elementCount(known);
    if (length === 0 || length % size !== 0) {
      throw new ShapeError(
        `this model takes inputs of shape ${describeBatch(known)}, so a multiple of ${size} values, got ${length}`,
      );
    }
    return [length / size, ...known];
  }

  #describeInput(): string {
    return this.graph.inputShape ? describeBatch(this.graph.inputShape) : "[batch, ...]";
  }
}

const RELEASED: HostTensor = { shape: [0], data: new Float32Array(0) };

/** Of a node whose work the layer before it does. */
const HAND_ON: PreparedOperation = { run: ([x]) => x, handsOn: true };

/** Gives an array to the first who asks for its length. */
function takeOnce(array: Float32Array | undefined): (length: number) => Float32Array | undefined {
  let left = array;
  return (length) => {
    if (left?.length !== length) return undefined;
    const given = left;
    left = undefined;
    return given;
  };
}

/** Whether two arrays may lie in one memory: two SharedArrayBuffers can be of the same. */
function mayShare(a: Float32Array | undefined, b: Float32Array): boolean {
  return a !== undefined && (a.buffer === b.buffer || (isShared(a) && isShared(b)));
}

/** @throws ShapeError when the target has another length, or none any more */
function copyOutput({ shape, data }: HostTensor, target: Float32Array): void {
  const length = elementCount(shape);
  if (target.length !== length) {
    const got = `the array for the output has ${target.length}`;
    throw new ShapeError(`the output has the shape ${formatShape(shape)}, so ${length} values, but ${got}`);
  }
  if (target !== data) target.set(data);
}

/** @throws UnsupportedError for an aim that is none */
function isForLatency({ optimizeFor }: OpenOptions): boolean {
  if (optimizeFor === undefined || optimizeFor === "latency") return optimizeFor !== undefined;
  throw new UnsupportedError(`models can be optimized for "latency" only, got ${JSON.stringify(optimizeFor)}`);
}

function prepareNode(
  node: GraphNode,
  backend: Backend,
  outputFunction: OutputFunction | undefined,
  kernel?: string,
): PreparedOperation {
  try {
    const operation = operationById(node.op);
    const { inputCount = 1 } = operation;
    if (node.inputs.length !== inputCount) {
      throw new ShapeError(`it reads ${inputCount} value${inputCount === 1 ? "" : "s"}, got ${node.inputs.length}`);
    }
    return operation.prepare(node, backend, outputFunction, kernel);
  } catch (error) {
    throw namingNode(error, node);
  }
}

/** The same error with the node in its message, where it does not stand there yet. */
function namingNode(error: unknown, node: GraphNode): unknown {
  if (error instanceof ShapeError || error instanceof UnsupportedError) {
    if (error.message.startsWith(describe(node))) return error;
    const message = `${describe(node)}: ${error.message}`;
    return error instanceof ShapeError
      ? new ShapeError(message, { cause: error })
      : new UnsupportedError(message, { cause: error });
  }
  return error;
}

/** `[batch, 28, 28, any]` for samples of a pattern. */
function describeBatch(pattern: readonly (number | null)[]): string {
  return formatPattern(pattern).replace("[", pattern.length > 0 ? "[batch, " : "[batch");
}
