/**
 * Immutable, chainable tensors over the training engine. No reference counts: every operation borrows its operands,
 * and scopes (`tidy`, compiled functions) free what they made.
 *
 * Numbers given as operands are rounded to float32 and stay single operands: `x.mul(a).mul(b)` rounds twice, as written.
 */
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { LANES } from "../core/rounding.ts";
import { elementCount, formatShape, type Shape } from "../core/shape.ts";
import { constantArray, type EngineArray, lax, nn, np, random } from "./engine.ts";
import { Parameter } from "./parameter.ts";
import { adopt, currentTrace, disown } from "./scope.ts";

/** What an operation takes beside the tensor it is called on. */
export type Operand = Tensor | Parameter | number;

/** One axis, several axes, or all of them when undefined; negative counts from the last. */
export type Axes = number | readonly number[];

/** Options of reductions: `keepDims` leaves reduced axes with size 1. */
export interface ReduceOptions {
  keepDims?: boolean;
}

/** An n-dimensional array of float32 (or of booleans, as comparisons give). */
export class Tensor {
  /** The engine's array; for `src/tensor` only, and left out of the declarations. @internal */
  readonly array: EngineArray;
  /** For the variables of `differentiate`: the same values, outside of it. */
  readonly #undifferentiated: Tensor | undefined;

  /** Takes over one reference of an engine array. Use `tensor()`. @internal */
  constructor(array: EngineArray, undifferentiated?: Tensor) {
    this.array = array;
    this.#undifferentiated = undifferentiated;
    adopt(this, () => array.dispose());
  }

  get shape(): Shape {
    return this.array.shape;
  }
  get size(): number {
    return elementCount(this.shape);
  }

  // Arithmetic, elementwise with broadcasting.
  add(other: Operand): Tensor {
    return binary(np.add, this, other);
  }
  sub(other: Operand): Tensor {
    return binary((a, b) => a.sub(b), this, other);
  }
  mul(other: Operand): Tensor {
    return binary(np.multiply, this, other);
  }
  /** `this · (1 / other)`: two roundings, on every backend. */
  div(other: Operand): Tensor {
    return binary((a, b) => a.mul(np.reciprocal(b)), this, other);
  }
  /** The larger of the two; where they are equal, the gradient goes to `this`. */
  maximum(other: Operand): Tensor {
    return binary(np.maximum, this, other);
  }
  /** The smaller of the two; where they are equal, the gradient goes to `this`. */
  minimum(other: Operand): Tensor {
    return binary(np.minimum, this, other);
  }
  /** 0 - x, so that 0 gives 0. */
  neg(): Tensor {
    return unary(np.negative, this);
  }
  /** max(x, -x), which the engine vectorises; the gradient at 0 is 1. */
  abs(): Tensor {
    return unary((a) => np.maximum(a.ref, a.neg()), this);
  }
  square(): Tensor {
    return unary((a) => a.ref.mul(a), this);
  }
  sqrt(): Tensor {
    return unary(np.sqrt, this);
  }
  reciprocal(): Tensor {
    return unary(np.reciprocal, this);
  }
  exp(): Tensor {
    return unary(np.exp, this);
  }
  log(): Tensor {
    return unary(np.log, this);
  }
  floor(): Tensor {
    return unary(np.floor, this);
  }

  // Activations.
  /** max(0, x), with gradient 0 at 0. */
  relu(): Tensor {
    return unary((a) => np.maximum(zeros(a), a), this);
  }
  tanh(): Tensor {
    return unary(np.tanh, this);
  }
  sigmoid(): Tensor {
    return unary(nn.sigmoid, this);
  }
  silu(): Tensor {
    return unary(nn.silu, this);
  }
  /** x · Φ(x), with the error function (not the tanh approximation). */
  gelu(): Tensor {
    return unary((a) => nn.gelu(a, { approximate: false }), this);
  }
  softmax(axis = -1): Tensor {
    return unary((a) => nn.softmax(a, axis), this);
  }
  logSoftmax(axis = -1): Tensor {
    return unary((a) => nn.logSoftmax(a, axis), this);
  }

  // Comparisons give booleans; `where` reads them.
  greater(other: Operand): Tensor {
    return binary(np.greater, this, other);
  }
  less(other: Operand): Tensor {
    return binary(np.less, this, other);
  }
  greaterEqual(other: Operand): Tensor {
    return binary(np.greaterEqual, this, other);
  }
  lessEqual(other: Operand): Tensor {
    return binary(np.lessEqual, this, other);
  }
  equal(other: Operand): Tensor {
    return binary(np.equal, this, other);
  }
  /** 1 where this boolean tensor is true, 0 elsewhere; has no gradient. */
  asNumber(): Tensor {
    return unary((a) => a.astype(np.float32), this);
  }
  /** Elementwise choice by this boolean tensor; the result has the broadcast shape of all three. */
  where(whenTrue: Operand, whenFalse: Operand): Tensor {
    const chosen = np.where(this.array.ref, arrayOf(whenTrue), arrayOf(whenFalse));
    const isScalar = [this, whenTrue, whenFalse].every((part) => typeof part === "number" || part.shape.length === 0);
    return new Tensor(isScalar ? chosen.reshape([]) : chosen); // numbers have the shape [1]
  }

  // Linear algebra and shape.
  /** `[..., M, K] · [..., K, N]` → `[..., M, N]`. */
  matmul(other: Operand): Tensor {
    return new Tensor(np.matmul(this.array.ref, arrayOf(other)));
  }
  /**
   * x · otherᵀ, `[M, K]` and `[N, K]` → `[M, N]`: as `matmul(other.transpose())`, whose gradient costs the engine a copy of
   * each operand more.
   */
  matmulTransposed(other: Operand): Tensor {
    const [rows, count] = this.shape;
    // The product by 1 is what the engine stores, in the shape that the result and its gradient read.
    const spread = (a: EngineArray): EngineArray => np.multiply(a.reshape([rows, 1, count]), constantArray(1));
    return unary((a) => np.vecdot(spread(a), arrayOf(other)), this);
  }
  /** Swaps the last two axes, or orders axes as given. */
  transpose(axes?: readonly number[]): Tensor {
    const rank = this.shape.length;
    const order = axes ?? [...Array(Math.max(rank - 2, 0)).keys(), rank - 1, rank - 2];
    return unary((a) => np.transpose(a, [...order]), this);
  }
  /** One size may be -1: it is what the others leave. */
  reshape(shape: Shape): Tensor {
    return unary((a) => a.reshape([...shape]), this);
  }
  /** Elements `start` to `end` (exclusive) of one axis. */
  slice(axis: number, start: number, end: number): Tensor {
    const at = axis < 0 ? axis + this.shape.length : axis;
    return unary(
      (a) => a.slice(...this.shape.map((size, i): [number, number] => (i === at ? [start, end] : [0, size]))),
      this,
    );
  }
  /** Adds zeros, `[before, after]` for each axis. */
  pad(widths: readonly (readonly [number, number])[]): Tensor {
    return unary(
      (a) =>
        np.pad(
          a,
          widths.map(([before, after]): [number, number] => [before, after]),
        ),
      this,
    );
  }
  /** 1 where the value equals the index of the last axis: `[...]` → `[..., classes]`, for values in [0, classes). */
  oneHot(classes: number): Tensor {
    return unary((a) => {
      const indices = np.array(Float32Array.from({ length: classes }, (_, i) => i));
      const isIndex = np.equal(a.reshape([...this.shape, 1]), indices);
      return np.where(isIndex, constantArray(1), constantArray(0));
    }, this);
  }

  // Reductions.
  sum(axes?: Axes, options: ReduceOptions = {}): Tensor {
    return unary((a) => np.sum(a, axesOf(axes), { keepdims: options.keepDims ?? false }), this);
  }
  mean(axes?: Axes, options: ReduceOptions = {}): Tensor {
    return unary((a) => np.mean(a, axesOf(axes), { keepdims: options.keepDims ?? false }), this);
  }
  max(axes?: Axes, options: ReduceOptions = {}): Tensor {
    return unary((a) => np.max(a, axesOf(axes), { keepdims: options.keepDims ?? false }), this);
  }
  /** Sum over the last axis in the order of the numeric contract, `[..., K]` → `[..., 1]`; see `laneSum` in core. */
  laneSum(): Tensor {
    // "+ 0" keeps engines with fused multiply-add from fusing a product into the sum.
    const lanes = inLanes(this.add(0)).sum(-2);
    let width = LANES;
    let total = lanes;
    while (width > 1) {
      const half = width / 2;
      total = total.slice(-1, 0, half).add(total.slice(-1, half, width));
      width = half;
    }
    return total;
  }
  /** Largest magnitude along the last axis, `[..., K]` → `[..., 1]`; NaN where a value is NaN. */
  maxAbs(): Tensor {
    return inLanes(this.abs()).max(-2).max(-1, { keepDims: true });
  }
  /**
   * Running sum along the last axis: element k becomes the sum of elements 0 to k. Doubles the span of every sum in each
   * pass (Hillis and Steele, "Data Parallel Algorithms", 1986), so an element is rounded ceil(log2 K) times, not K times.
   */
  cumulativeSum(): Tensor {
    const count = this.shape.at(-1) ?? 1;
    let sums: Tensor = this;
    for (let span = 1; span < count; span *= 2) sums = sums.add(padLast(sums.slice(-1, 0, count - span), span, 0));
    return sums;
  }
  /** Values of the last axis in ascending order. Has no gradient. */
  sort(): Tensor {
    return unary((a) => np.sort(lax.stopGradient(a).mul(constantArray(1)), -1), this);
  }

  /** The same values, through which no gradient flows. */
  stopGradient(): Tensor {
    // Taken from outside, variables need no copy in the compiled function.
    if (this.#undifferentiated) return new Tensor(this.#undifferentiated.array.ref);
    return unary(lax.stopGradient, this);
  }
  /** The same values, computed once here instead of again by everything that reads them: the engine always stores sums. */
  stored(): Tensor {
    return this.reshape([...this.shape, 1]).sum(-1);
  }
  /** The same values, whose gradient is stored: it is the sum over an axis of one. */
  withStoredGradient(): Tensor {
    return unary((a) => np.broadcastTo(a, [1, ...this.shape]).reshape([...this.shape]), this);
  }
  /** A constant beside this tensor, shape `[1]` or `[count]`: for rules that are handed tensors and must not load the engine. */
  constant(value: number | Float32Array): Tensor {
    return typeof value === "number" ? new Tensor(constantArray(value)) : tensor(value);
  }
  /** A fresh row of random numbers in [0, 1) of this tensor's shape, from the run's seed. */
  randomUniform(): Tensor {
    return drawUniform(this.shape);
  }

  /** The values, row-major; waits for the engine. Booleans read as 0 and 1. */
  async data(): Promise<Float32Array> {
    const values = await this.array.ref.data();
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  }
  /** The values at once; not on WebGPU, which can only be read asynchronously. */
  dataSync(): Float32Array {
    const values = this.array.ref.dataSync();
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  }
  /** Resolves when the engine has computed the values. */
  async ready(): Promise<void> {
    await this.array.blockUntilReady();
  }
  /** Frees the memory now instead of at the end of the scope; the tensor must not be used afterwards. */
  dispose(): void {
    disown(this);
    this.array.dispose();
  }
}

/**
 * A tensor from host values.
 *
 * @throws ShapeError when the values do not fill the shape, or there is none: the engine has no empty arrays
 */
export function tensor(values: ArrayLike<number>, shape: Shape = [values.length]): Tensor {
  if (values.length !== elementCount(shape)) {
    throw new ShapeError(`shape ${formatShape(shape)} needs ${elementCount(shape)} values, got ${values.length}`);
  }
  if (values.length === 0)
    throw new ShapeError(`a tensor needs at least one value, got the shape ${formatShape(shape)}`);
  const floats = values instanceof Float32Array ? values : Float32Array.from(values);
  return new Tensor(np.array(floats as Float32Array<ArrayBuffer>).reshape([...shape]));
}

/** Joins tensors along one axis. */
export function concatenate(parts: readonly Tensor[], axis: number): Tensor {
  return new Tensor(
    np.concatenate(
      parts.map((part) => part.array.ref),
      axis,
    ),
  );
}

/** A parameter as a tensor: its binding inside a compiled function, its host values elsewhere. */
export function lift(parameter: Parameter): Tensor {
  const trace = currentTrace();
  if (!trace) return tensor(parameter.value, parameter.shape);
  const bound = trace.bindings.get(parameter);
  if (bound) return bound;
  throw new UnsupportedError(
    "a compiled function met a parameter that belongs to none of its modules; keep parameters in fields of the module that uses them",
  );
}

function unary(operation: (a: EngineArray) => EngineArray, x: Tensor): Tensor {
  return new Tensor(operation(x.array.ref));
}

function binary(operation: (a: EngineArray, b: EngineArray) => EngineArray, x: Tensor, other: Operand): Tensor {
  if (typeof other === "number" && x.shape.length === 0) {
    return new Tensor(operation(x.array.ref.reshape([1]), constantArray(other)).reshape([]));
  }
  return new Tensor(operation(x.array.ref, arrayOf(other)));
}

function arrayOf(operand: Operand): EngineArray {
  if (typeof operand === "number") return constantArray(operand);
  return (operand instanceof Parameter ? lift(operand) : operand).array.ref;
}

function axesOf(axes: Axes | undefined): number | number[] | null {
  if (axes === undefined) return null;
  return typeof axes === "number" ? axes : [...axes];
}

/** A tensor of zeros of the same shape, sharing no values with it. */
function zeros(like: EngineArray): EngineArray {
  return np.zeros([...like.shape]);
}

/** `[..., K]` → `[..., ceil(K/16), 16]`, padded with zeros. */
function inLanes(x: Tensor): Tensor {
  const outer = x.shape.slice(0, -1);
  const count = x.shape.at(-1) ?? 1;
  const rows = Math.max(1, Math.ceil(count / LANES));
  return padLast(x, 0, rows * LANES - count).reshape([...outer, rows, LANES]);
}

/** Adds zeros at the ends of the last axis. */
function padLast(x: Tensor, before: number, after: number): Tensor {
  if (before === 0 && after === 0) return x;
  const outer = x.shape.slice(0, -1);
  return x.pad([...outer.map((): [number, number] => [0, 0]), [before, after]]);
}

function drawUniform(shape: Shape): Tensor {
  const trace = currentTrace();
  if (!trace?.randomKey) {
    throw new UnsupportedError("random numbers need a seeded run: call the module through fit, or switch it to eval()");
  }
  const stream = trace.randomDraws++;
  return new Tensor(uniformBits(trace.randomKey.array, stream, shape));
}

function uniformBits(key: EngineArray, stream: number, shape: Shape): EngineArray {
  const offset = np.array(new Uint32Array([0, stream]), { dtype: np.uint32 });
  return random.uniform(np.add(key.ref, offset), [...shape]);
}
