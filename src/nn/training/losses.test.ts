/** Values and gradients against float64. EPSILON is the unit roundoff of float32. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { type Tensor, tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { crossEntropy, klDivergence, type Loss, meanSquaredError, smoothedCrossEntropy } from "./losses.ts";

const EPSILON = 2 ** -24;
/** Largest error of the engine's log: it ends its series for atanh(t), t ≤ 1/3, before 2t⁹/9. */
const LOG_ERROR = 1.3e-5;
const ROWS = 6;
const CLASSES = 5;

class Identity extends Module {
  override forward(x: Tensor): Tensor {
    return x;
  }
}

function normals(count: number, seed: number, deviation = 2): number[] {
  const random = new RandomSource(seed);
  return Array.from({ length: count }, () => Math.fround(random.normal(0, deviation)));
}

/** A loss of logits with its gradient by them. */
async function lossOf(
  loss: Loss,
  output: readonly number[],
  shape: readonly number[],
  target: readonly number[],
  targetShape: readonly number[],
): Promise<{ value: number; gradient: number[] }> {
  const { value, input } = await valueAndGrad(new Identity(), { data: output, shape }, (y) =>
    loss(y, tensor(target, targetShape)),
  );
  return { value, gradient: [...input] };
}

/** Rows of a matrix with CLASSES columns. */
function rowsOf(values: readonly number[]): number[][] {
  return Array.from({ length: values.length / CLASSES }, (_, row) => values.slice(row * CLASSES, (row + 1) * CLASSES));
}

function logSoftmax(values: readonly number[]): number[] {
  const largest = Math.max(...values);
  const logSum = Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return values.map((value) => value - largest - logSum);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function expectWithin(found: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs(found[i] - value)).toBeLessThanOrEqual(tolerance);
  });
}

const logits = normals(ROWS * CLASSES, 1);
/** Logits are below 8 and probabilities below 1: each of about 30 operations rounds a value of at most 16. */
const ROUNDING = 30 * 16 * EPSILON;

describe.each([
  { name: "crossEntropy", loss: crossEntropy, smoothing: 0 },
  { name: "smoothedCrossEntropy", loss: smoothedCrossEntropy({ smoothing: 0.2 }), smoothing: 0.2 },
])("$name", ({ loss, smoothing }) => {
  const classes = [0, 4, 2, 2, 1, 3];
  const wanted = classes.map((target) =>
    Array.from({ length: CLASSES }, (_, c) => (c === target ? 1 - smoothing : 0) + smoothing / CLASSES),
  );

  test("value and gradient", async () => {
    const { value, gradient } = await lossOf(loss, logits, [ROWS, CLASSES], classes, [ROWS]);
    const logs = rowsOf(logits).map(logSoftmax);
    const expected = mean(logs.map((row, i) => -row.reduce((sum, log, c) => sum + log * wanted[i][c], 0)));
    expectWithin([value], [expected], LOG_ERROR + ROUNDING);
    const slopes = logs.flatMap((row, i) => row.map((log, c) => (Math.exp(log) - wanted[i][c]) / ROWS));
    expectWithin(gradient, slopes, ROUNDING / ROWS);
  });

  test("sequences are the mean over every position", async () => {
    const flat = await lossOf(loss, logits, [ROWS, CLASSES], classes, [ROWS]);
    const sequences = await lossOf(loss, logits, [2, 3, CLASSES], classes, [2, 3]);
    expectWithin([sequences.value], [flat.value], ROUNDING);
    expectWithin(sequences.gradient, flat.gradient, ROUNDING / ROWS);
  });

  test("huge logits stay finite", async () => {
    const { value, gradient } = await lossOf(loss, [1e30, -1e30, 0, 0, 0], [1, CLASSES], [0], [1]);
    expect(smoothing === 0 ? value : 0).toBe(0);
    expect(gradient.every(Number.isFinite)).toBe(true);
  });

  test.each([-1, CLASSES, 1.5, Number.NaN])("class %d is none: NaN, not a silent zero", async (target) => {
    const { value } = await lossOf(loss, logits, [ROWS, CLASSES], classes.with(3, target), [ROWS]);
    expect(value).toBeNaN();
  });

  test("targets of another shape are an error", async () => {
    await expect(lossOf(loss, logits, [ROWS, CLASSES], classes, [ROWS, 1])).rejects.toThrow(ShapeError);
    await expect(lossOf(loss, logits, [ROWS, CLASSES], logits, [ROWS, CLASSES])).rejects.toThrow(/\[6\]/);
  });
});

test("label smoothing lies in [0, 1)", () => {
  for (const smoothing of [-0.1, 1, Number.NaN]) expect(() => smoothedCrossEntropy({ smoothing })).toThrow(ShapeError);
});

describe("meanSquaredError", () => {
  test.each([[[ROWS * CLASSES]], [[ROWS, CLASSES]], [[2, 3, CLASSES]]])("value and gradient for %o", async (shape) => {
    const target = normals(ROWS * CLASSES, 2);
    const { value, gradient } = await lossOf(meanSquaredError, logits, shape, target, shape);
    const differences = logits.map((logit, i) => logit - target[i]);
    const expected = mean(differences.map((difference) => difference ** 2));
    expectWithin([value], [expected], (ROWS * CLASSES + 4) * EPSILON * expected);
    const slopes = differences.map((difference) => (2 * difference) / differences.length);
    expectWithin(gradient, slopes, 4 * EPSILON * Math.max(...slopes.map(Math.abs)));
  });

  test("a long sum does not drift", async () => {
    const count = 2 ** 20;
    const output = Array<number>(count).fill(Math.fround(0.1));
    const { value } = await lossOf(meanSquaredError, output, [1024, 1024], Array(count).fill(0), [1024, 1024]);
    const square = Math.fround(0.1) ** 2;
    expectWithin([value], [square], 2 * 1025 * EPSILON * square);
  });

  test("targets of another shape are an error", async () => {
    await expect(lossOf(meanSquaredError, [1, 2], [2, 1], [1, 2], [2])).rejects.toThrow(ShapeError);
  });
});

describe.each([1, 4])("klDivergence at temperature %d", (temperature) => {
  const loss = klDivergence({ temperature });
  const teacher = normals(ROWS * CLASSES, 3);

  test("value and gradient", async () => {
    const { value, gradient } = await lossOf(loss, logits, [ROWS, CLASSES], teacher, [ROWS, CLASSES]);
    const softened = (values: readonly number[]): number[][] =>
      rowsOf(values).map((row) => logSoftmax(row.map((logit) => logit / temperature)));
    const [student, wanted] = [softened(logits), softened(teacher)];
    const divergences = student.map((row, i) =>
      row.reduce((sum, log, c) => sum + Math.exp(wanted[i][c]) * (wanted[i][c] - log), 0),
    );
    const square = temperature ** 2;
    expectWithin([value], [square * mean(divergences)], square * (2 * LOG_ERROR + ROUNDING));
    const slopes = student.flatMap((row, i) =>
      row.map((log, c) => (temperature * (Math.exp(log) - Math.exp(wanted[i][c]))) / ROWS),
    );
    // The teacher's probabilities are exp(log softmax), so off by LOG_ERROR; they sum to 1 within that.
    expectWithin(gradient, slopes, (temperature * (2 * LOG_ERROR + ROUNDING)) / ROWS);
  });

  test("is zero for equal logits", async () => {
    const { value } = await lossOf(loss, logits, [ROWS, CLASSES], logits, [ROWS, CLASSES]);
    expect(value).toBe(0);
  });
});

test("the temperature is a positive number", () => {
  for (const temperature of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => klDivergence({ temperature })).toThrow(ShapeError);
  }
});
