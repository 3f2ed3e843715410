/** Every operation against plain loops, eager and compiled. EPSILON is the unit roundoff of float32. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { RandomSource } from "../core/random.ts";
import { laneSum } from "../core/rounding.ts";
import { elementCount, type Shape } from "../core/shape.ts";
import { compile, concatenate, differentiate, type Tensor, tensor } from "./index.ts";

const EPSILON = 2 ** -24;
const float = Math.fround;

function normals(count: number, seed: number): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length: count }, () => random.normal());
}

/** Runs a function eagerly and compiled, requires the same bits, and gives them. */
function run(body: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Float32Array {
  const eager = body(...inputs).dataSync();
  using compiled = compile((traced) => [body(...traced)]);
  const [output] = compiled(inputs);
  expect(output.dataSync()).toEqual(eager);
  return eager;
}

/** Gradients of Σ upstream · body(...inputs). */
function gradients(
  body: (...inputs: Tensor[]) => Tensor,
  upstream: readonly number[],
  ...inputs: Tensor[]
): number[][] {
  using compiled = compile((traced) => {
    const { gradients } = differentiate(
      (variables) => {
        const result = body(...variables);
        return { value: result.mul(tensor(upstream, result.shape)).sum(), extra: [] };
      },
      [...traced],
    );
    return gradients;
  });
  return compiled(inputs).map((gradient) => [...gradient.dataSync()]);
}

const x = normals(300, 1);
const y = normals(300, 2).map((value, i) => (i % 7 === 0 ? x[i] : value)); // some equal
/** Its sums with smaller numbers are rounded to integers. */
const LARGE = 2 ** 23;
const positive = x.map((value) => Math.abs(value) + 2 ** -10);

/** Operations that are one correctly rounded operation each, or as many as written. */
const exact: [string, (a: Tensor, b: Tensor) => Tensor, (a: number, b: number) => number][] = [
  ["add", (a, b) => a.add(b), (a, b) => a + b],
  ["sub", (a, b) => a.sub(b), (a, b) => a - b],
  ["mul", (a, b) => a.mul(b), (a, b) => a * b],
  ["div", (a, b) => a.div(b), (a, b) => a * float(1 / b)],
  ["maximum", (a, b) => a.maximum(b), (a, b) => Math.max(a, b)],
  ["minimum", (a, b) => a.minimum(b), (a, b) => Math.min(a, b)],
  ["neg", (a) => a.neg(), (a) => 0 - a],
  ["abs", (a) => a.abs(), (a) => Math.abs(a)],
  ["square", (a) => a.square(), (a) => a * a],
  ["reciprocal", (a) => a.reciprocal(), (a) => 1 / a],
  ["floor", (a) => a.floor(), (a) => Math.floor(a)],
  ["relu", (a) => a.relu(), (a) => Math.max(0, a)],
  ["greater", (a, b) => a.greater(b), (a, b) => Number(a > b)],
  ["less", (a, b) => a.less(b), (a, b) => Number(a < b)],
  ["greaterEqual", (a, b) => a.greaterEqual(b), (a, b) => Number(a >= b)],
  ["lessEqual", (a, b) => a.lessEqual(b), (a, b) => Number(a <= b)],
  ["equal", (a, b) => a.equal(b), (a, b) => Number(a === b)],
  ["where", (a, b) => a.greater(b).where(a, b.mul(2)), (a, b) => (a > b ? a : b * 2)],
  ["where of numbers", (a) => a.greater(0.5).where(0.1, -3), (a) => (a > 0.5 ? 0.1 : -3)],
  ["asNumber", (a, b) => a.greater(b).asNumber().mul(3), (a, b) => 3 * Number(a > b)],
  ["add, taken back", (a) => a.mul(99).add(LARGE).sub(LARGE), (a) => float(float(a * 99) + LARGE) - LARGE],
  ["operations with numbers", (a) => a.add(0.1).mul(0.3).sub(2), (a) => float(float(a + float(0.1)) * float(0.3)) - 2],
];

test.each(exact)("%s", (_, operation, plain) => {
  const result = run(operation, tensor(x), tensor(y));
  expect(result).toEqual(x.map((a, i) => plain(a, y[i])));
});

test("sqrt is correctly rounded", () => {
  expect(run((a) => a.sqrt(), tensor(positive))).toEqual(positive.map((a) => float(Math.sqrt(a))));
});

/**
 * The engine's exp is 2^k · p(r) with |r| ≤ ln 2 / 2: p ends before r⁷/5040, 2ε relative; r = x - k·ln 2 is off by |x|ε, p and
 * the product by 4ε. Its log adds four terms of the series of atanh(t), t = (m - 1)/(m + 1) ≤ 1/3, which leaves
 * 2t⁹/9 · 9/8 < 1.3e-5, absolute. The others are quotients of exp.
 */
const smooth: [string, (a: Tensor) => Tensor, (a: number) => number, (a: number) => number][] = [
  ["exp", (a) => a.exp(), Math.exp, (a) => (6 + Math.abs(a)) * EPSILON * Math.exp(a)],
  [
    "log",
    (a) => a.abs().log(),
    (a) => Math.log(Math.abs(a)),
    (a) => 1.3e-5 + 4 * EPSILON * Math.abs(Math.log(Math.abs(a))),
  ],
  ["tanh", (a) => a.tanh(), Math.tanh, (a) => (16 + 4 * Math.abs(a)) * EPSILON],
  ["sigmoid", (a) => a.sigmoid(), sigmoid, (a) => (16 + 2 * Math.abs(a)) * EPSILON],
  ["silu", (a) => a.silu(), (a) => a * sigmoid(a), (a) => (16 + 2 * Math.abs(a)) * EPSILON * Math.abs(a)],
];

test.each(smooth)("%s stays within its bound", (_, operation, plain, bound) => {
  const result = run(operation, tensor(x));
  result.forEach((value, i) => {
    expect(Math.abs(value - plain(x[i]))).toBeLessThanOrEqual(bound(x[i]));
  });
});

test("gelu is x · Φ(x), to the 1.5e-7 of the engine's error function", () => {
  // Φ from its series, x φ(x) (1 + x²/3 + x⁴/15 + ...), which converges for every x.
  const distribution = (a: number): number => {
    let [term, sum] = [a, a];
    for (let k = 3; k < 200; k += 2) {
      term *= (a * a) / k;
      sum += term;
    }
    return 0.5 + (sum * Math.exp((-a * a) / 2)) / Math.sqrt(2 * Math.PI);
  };
  run((a) => a.gelu(), tensor(x)).forEach((value, i) => {
    expect(Math.abs(value - x[i] * distribution(x[i]))).toBeLessThanOrEqual((1.5e-7 + 16 * EPSILON) * Math.abs(x[i]));
  });
});

test("softmax and logSoftmax", () => {
  const rows = 20;
  const count = 15;
  const softmax = run((a) => a.softmax(), tensor(x, [rows, count]));
  const alongFirst = run((a) => a.transpose().softmax(0).transpose(), tensor(x, [rows, count]));
  const logSoftmax = run((a) => a.logSoftmax(), tensor(x, [rows, count]));
  for (let row = 0; row < rows; row++) {
    const values = [...x.subarray(row * count, (row + 1) * count)];
    const largest = Math.max(...values);
    const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
    values.forEach((value, i) => {
      const at = row * count + i;
      const distance = largest - value;
      // As for exp above, twice, and `count` additions, and a quotient.
      const relative = (2 * (6 + distance) + count + 3) * EPSILON;
      for (const found of [softmax[at], alongFirst[at]]) {
        expect(Math.abs(found - Math.exp(-distance) / sum)).toBeLessThanOrEqual(relative);
      }
      expect(Math.abs(logSoftmax[at] + distance + Math.log(sum))).toBeLessThanOrEqual(
        1.3e-5 + relative + 4 * EPSILON * distance,
      );
    });
  }
});

test("NaN passes through maximum, minimum, max and comparisons as it should", () => {
  const values = [Number.NaN, 1, -1];
  expect([...run((a) => a.maximum(0), tensor(values))]).toEqual([Number.NaN, 1, 0]);
  expect([...run((a) => a.minimum(0), tensor(values))]).toEqual([Number.NaN, 0, -1]);
  expect([...run((a) => a.max(), tensor(values))]).toEqual([Number.NaN]);
  expect([...run((a) => a.less(5), tensor(values))]).toEqual([0, 1, 1]);
  expect([...run((a) => a.equal(a), tensor(values))]).toEqual([0, 1, 1]);
});

describe("gradients at ties and kinks", () => {
  const values = (numbers: number[]): Tensor => tensor(numbers);
  test.each<[string, (a: Tensor) => Tensor, number[], number[]]>([
    ["relu is 0 at 0", (a) => a.relu(), [-1, 0, 2], [0, 0, 1]],
    ["abs is 1 at 0", (a) => a.abs(), [-1, 0, 2], [-1, 1, 1]],
    ["maximum of equals goes to the first", (a) => a.maximum(1), [0, 1, 2], [0, 1, 1]],
    ["minimum of equals goes to the first", (a) => a.minimum(1), [0, 1, 2], [1, 1, 0]],
    ["where takes the chosen side", (a) => a.greater(0).where(a.mul(2), a.mul(3)), [-1, 0, 2], [3, 3, 2]],
    ["floor is flat", (a) => a.floor(), [0.5, 1, 2.5], [0, 0, 0]],
  ])("%s", (_, operation, at, expected) => {
    expect(gradients(operation, [1, 1, 1], values(at))).toEqual([expected]);
  });

  test("maximum of equals gives nothing to the second", () => {
    expect(gradients((a, b) => a.maximum(b), [1, 1, 1], values([0, 1, 2]), values([1, 1, 1]))).toEqual([
      [0, 1, 1],
      [1, 0, 0],
    ]);
  });

  test("max shares the gradient among equals", () => {
    expect(gradients((a) => a.max(), [1], values([3, 1, 3]))).toEqual([[0.5, 0, 0.5]]);
  });
});

describe("gradients against closed forms", () => {
  const at = [0.5, -1.25, 2];
  const upstream = [1, -2, 0.5];
  test.each<[string, (a: Tensor) => Tensor, (a: number) => number]>([
    ["square", (a) => a.square(), (a) => 2 * a],
    ["sqrt", (a) => a.abs().sqrt(), (a) => Math.sign(a) / (2 * Math.sqrt(Math.abs(a)))],
    ["reciprocal", (a) => a.reciprocal(), (a) => -1 / (a * a)],
    ["exp", (a) => a.exp(), Math.exp],
    ["log", (a) => a.abs().log(), (a) => 1 / a],
    ["tanh", (a) => a.tanh(), (a) => 1 - Math.tanh(a) ** 2],
    ["sigmoid", (a) => a.sigmoid(), (a) => sigmoid(a) * (1 - sigmoid(a))],
    ["silu", (a) => a.silu(), (a) => sigmoid(a) * (1 + a * (1 - sigmoid(a)))],
    ["div", (a) => a.constant(1).div(a), (a) => -1 / (a * a)],
    [
      "laneSum",
      (a) =>
        a
          .reshape([1, 3])
          .laneSum()
          .reshape([1])
          .mul(a.constant(Float32Array.of(1, 1, 1))),
      () => -0.5,
    ],
  ])("%s", (_, operation, slope) => {
    const [found] = gradients(operation, upstream, tensor(at));
    found.forEach((value, i) => {
      const scale = operation.toString().includes("laneSum") ? 1 : upstream[i]; // a sum passes Σ upstream to every term
      // A handful of roundings, and those of exp above.
      expect(Math.abs(value - scale * slope(at[i]))).toBeLessThanOrEqual(
        64 * EPSILON * Math.max(1, Math.abs(slope(at[i]))),
      );
    });
  });

  test("matrix products", () => {
    const a = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
    const b = tensor([1, 0, 2, 0, 1, 1, 3, 1, 0, 1, 1, 1], [4, 3]);
    const upstream = [1, 2, 3, 4, 5, 6, 7, 8];
    // y = a bᵀ: da = u b, db = uᵀ a
    const expected = [
      [14, 9, 8, 30, 21, 20].map((_, i) => {
        const [row, column] = [Math.floor(i / 3), i % 3];
        return [0, 1, 2, 3].reduce(
          (sum, n) => sum + upstream[row * 4 + n] * [1, 0, 2, 0, 1, 1, 3, 1, 0, 1, 1, 1][n * 3 + column],
          0,
        );
      }),
      Array.from({ length: 12 }, (_, i) => {
        const [row, column] = [Math.floor(i / 3), i % 3];
        return [0, 1].reduce((sum, m) => sum + upstream[m * 4 + row] * [1, 2, 3, 4, 5, 6][m * 3 + column], 0);
      }),
    ];
    expect(gradients((x, w) => x.matmulTransposed(w), upstream, a, b)).toEqual(expected);
    expect(gradients((x, w) => x.matmul(w.transpose()), upstream, a, b)).toEqual(expected);
  });
});

test("stored and withStoredGradient change neither values nor gradients", () => {
  const at = [0.5, -1.25, 2, 0.1];
  const operation = (a: Tensor): Tensor => a.square().stored().mul(a).withStoredGradient().mul(2);
  expect(run(operation, tensor(at, [2, 2]))).toEqual(run((a) => a.square().mul(a).mul(2), tensor(at, [2, 2])));
  const upstream = [1, -2, 3, 4];
  const plain = gradients((a) => a.square().mul(a).mul(2), upstream, tensor(at, [2, 2]));
  expect(gradients(operation, upstream, tensor(at, [2, 2]))).toEqual(plain);
  expect(tensor([1, Number.NaN]).stored().dataSync()).toEqual(Float32Array.of(1, Number.NaN));
  expect(tensor([3, 4]).max().stored().shape).toEqual([]);
});

describe("laneSum", () => {
  const sizes = [1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1000, 1024, 1025];
  test.each(sizes)("of %i terms equals core in every bit", (count) => {
    const rows = 5;
    const values = normals(rows * count, count);
    const result = run((a) => a.laneSum(), tensor(values, [rows, count]));
    const expected = Array.from({ length: rows }, (_, row) => laneSum(count, (k) => values[row * count + k]));
    expect([...result]).toEqual(expected);
  });

  test("of squares and of a transposed operand, where the engine fuses", () => {
    const values = normals(64 * 80, 3);
    const squares = run((a) => a.square().laneSum(), tensor(values, [64, 80]));
    expect([...squares]).toEqual(
      Array.from({ length: 64 }, (_, row) => laneSum(80, (k) => float(values[row * 80 + k] ** 2))),
    );
    const columns = run((a) => a.transpose().laneSum(), tensor(values, [64, 80]));
    expect([...columns]).toEqual(
      Array.from({ length: 80 }, (_, column) => laneSum(64, (k) => values[k * 80 + column])),
    );
  });

  test("keeps the outer axes", () => {
    expect(tensor(normals(24, 1), [2, 3, 4]).laneSum().shape).toEqual([2, 3, 1]);
  });
});

test.each([1, 15, 16, 17, 33])("maxAbs of %i values, and NaN where one is NaN", (count) => {
  const values = normals(4 * count, count);
  values[2 * count + (count >> 1)] = Number.NaN;
  values[3 * count] = Number.NEGATIVE_INFINITY;
  const result = run((a) => a.maxAbs(), tensor(values, [4, count]));
  const expected = [0, 1, 2, 3].map((row) =>
    Math.max(...values.subarray(row * count, (row + 1) * count).map(Math.abs)),
  );
  expect([...result]).toEqual(expected);
});

describe("shapes", () => {
  const shape = [2, 3, 4];
  const values = Float32Array.from({ length: 24 }, (_, i) => i);
  const at = (tensorShape: Shape, index: readonly number[]): number =>
    index.reduce((sum, i, axis) => sum * tensorShape[axis] + i, 0);

  test.each<[string, (a: Tensor) => Tensor, Shape, (index: number[]) => number]>([
    ["transpose swaps the last two", (a) => a.transpose(), [2, 4, 3], ([i, j, k]) => at(shape, [i, k, j])],
    ["transpose orders axes", (a) => a.transpose([2, 0, 1]), [4, 2, 3], ([i, j, k]) => at(shape, [j, k, i])],
    ["reshape", (a) => a.reshape([4, -1]), [4, 6], ([i, j]) => i * 6 + j],
    ["slice", (a) => a.slice(1, 1, 3), [2, 2, 4], ([i, j, k]) => at(shape, [i, j + 1, k])],
    ["slice from the end", (a) => a.slice(-1, 0, 1), [2, 3, 1], ([i, j]) => at(shape, [i, j, 0])],
    [
      "pad",
      (a) =>
        a.slice(0, 0, 1).pad([
          [1, 0],
          [0, 0],
          [0, 1],
        ]),
      [2, 3, 5],
      ([i, j, k]) => (i === 1 && k < 4 ? at(shape, [0, j, k]) : 0),
    ],
    [
      "concatenate",
      (a) => concatenate([a, a.neg()], 1),
      [2, 6, 4],
      ([i, j, k]) => (j < 3 ? at(shape, [i, j, k]) : 0 - at(shape, [i, j - 3, k])),
    ],
    ["broadcasting", (a) => a.add(a.slice(1, 0, 1)), shape, ([i, j, k]) => at(shape, [i, j, k]) + at(shape, [i, 0, k])],
    [
      "sum",
      (a) => a.sum([0, 2]),
      [3],
      ([j]) => [0, 1].flatMap((i) => [0, 1, 2, 3].map((k) => at(shape, [i, j, k]))).reduce((s, v) => s + v),
    ],
    ["sum of all", (a) => a.sum(), [], () => 276],
    ["mean", (a) => a.mean(1, { keepDims: true }), [2, 1, 4], ([i, , k]) => at(shape, [i, 1, k])],
    ["max", (a) => a.max(-1), [2, 3], ([i, j]) => at(shape, [i, j, 3])],
    [
      "cumulativeSum",
      (a) => a.cumulativeSum(),
      shape,
      ([i, j, k]) => Array.from({ length: k + 1 }, (_, n) => at(shape, [i, j, n])).reduce((s, v) => s + v),
    ],
    ["sort", (a) => a.neg().sort(), shape, ([i, j, k]) => 0 - at(shape, [i, j, 3 - k])],
    ["oneHot", (a) => a.slice(2, 0, 1).reshape([6]).oneHot(12), [6, 12], ([i, c]) => Number(c === 4 * i)],
  ])("%s", (_, operation, expected, plain) => {
    const result = run(operation, tensor(values, shape));
    expect(operation(tensor(values, shape)).shape).toEqual(expected);
    const indices = Array.from({ length: elementCount(expected) }, (_, flat) => {
      let rest = flat;
      return [...expected]
        .reverse()
        .map((size) => {
          const index = rest % size;
          rest = (rest - index) / size;
          return index;
        })
        .reverse();
    });
    expect([...result]).toEqual(indices.map(plain));
  });

  test("scalars stay scalars beside numbers", () => {
    const scalar = (): Tensor => tensor([3, 4]).sum();
    const results = [scalar().add(1), scalar().greater(5).where(1, 0), scalar().maximum(9), scalar().mul(scalar())];
    expect(results.map((result) => result.shape)).toEqual([[], [], [], []]);
    expect(results.map((result) => result.dataSync()[0])).toEqual([8, 1, 9, 49]);
  });

  test("values that do not fill a shape are an error", () => {
    expect(() => tensor([1, 2, 3], [2, 2])).toThrow(/needs 4 values, got 3/);
  });
});

test.each([
  [1, 1, 1],
  [3, 17, 5],
  [33, 65, 31],
])("matmul and matmulTransposed of [%i, %i] by %i rows", (m, k, n) => {
  const a = normals(m * k, 1);
  const b = normals(n * k, 2);
  const transposed = run((x, w) => x.matmulTransposed(w), tensor(a, [m, k]), tensor(b, [n, k]));
  const product = run((x, w) => x.matmul(w.transpose()), tensor(a, [m, k]), tensor(b, [n, k]));
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < n; column++) {
      let [sum, magnitude] = [0, 0];
      for (let i = 0; i < k; i++) {
        sum += a[row * k + i] * b[column * k + i];
        magnitude += Math.abs(a[row * k + i] * b[column * k + i]);
      }
      for (const result of [transposed, product]) {
        expect(Math.abs(result[row * n + column] - sum)).toBeLessThanOrEqual((k + 1) * EPSILON * magnitude);
      }
    }
  }
});

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

test("empty tensors are refused, which the engine could not compute with", () => {
  expect(() => tensor([], [0, 4])).toThrow(new ShapeError("a tensor needs at least one value, got the shape [0, 4]"));
  expect(() => tensor([])).toThrow(ShapeError);
});
