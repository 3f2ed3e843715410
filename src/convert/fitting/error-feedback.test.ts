import { expect, test } from "vitest";
import { RandomSource } from "../../core/random.ts";
import { roundWithFeedback } from "./error-feedback.ts";
import { OutputMetric } from "./output-metric.ts";
import { RowLevels } from "./row-levels.ts";
import { SecondMoments } from "./second-moments.ts";

function metricOf(size: number, random: RandomSource): OutputMetric {
  const moments = new SecondMoments(size);
  for (let token = 0; token < 3 * size; token++) {
    const common = random.normal();
    moments.add(Float32Array.from({ length: size }, () => random.normal() + common));
  }
  const metric = OutputMetric.of(moments);
  if (!metric) throw new Error("these inputs tell something");
  return metric;
}

/** The inverse of a symmetric positive definite matrix, by Gauss and Jordan. */
function inverse(matrix: Float64Array, size: number): number[][] {
  const rows = Array.from({ length: size }, (_, i) => [
    ...matrix.subarray(i * size, (i + 1) * size),
    ...Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)),
  ]);
  for (let i = 0; i < size; i++) {
    const pivot = rows[i][i];
    rows[i] = rows[i].map((value) => value / pivot);
    for (let other = 0; other < size; other++) {
      if (other === i) continue;
      const factor = rows[other][i];
      rows[other] = rows[other].map((value, j) => value - factor * rows[i][j]);
    }
  }
  return rows.map((row) => row.slice(size));
}

/**
 * GPTQ in its first form (optimal brain quantization in a fixed order): after each weight is rounded, the ones still free
 * take over its error by the inverse of their own part of H.
 */
function plainFeedback(weights: Float64Array, metric: OutputMetric, levels: RowLevels): number[] {
  const row = [...weights];
  for (let last = metric.size - 1; last >= 0; last--) {
    const free = last + 1;
    const part = new Float64Array(free * free);
    for (let i = 0; i < free; i++)
      for (let j = 0; j < free; j++) part[i * free + j] = metric.matrix[i * metric.size + j];
    const inverted = inverse(part, free);
    const rounded = levels.values[levels.nearest(row[last])];
    const error = (row[last] - rounded) / inverted[last][last];
    for (let i = 0; i < last; i++) row[i] -= error * inverted[last][i];
    row[last] = rounded;
  }
  return row;
}

test.each([
  [1, 5],
  [1, 12],
  [2, 20],
  [1, 60],
])("%i planes, %i inputs: the levels of GPTQ with the inverse, and the outputs they give", (planes, size) => {
  const random = new RandomSource(planes + size);
  const metric = metricOf(size, random);
  const levels = Array.from({ length: 4 }, () => {
    const own = new RowLevels(planes);
    own.use([0.9, 0.4].slice(0, planes));
    return own;
  });
  const weights = Float64Array.from({ length: levels.length * size }, () => random.normal());
  const outputs = metric.toOutputs(weights);
  const rounded = roundWithFeedback(outputs, levels, metric);
  const real = Float64Array.from(rounded.places, (place, i) => levels[Math.floor(i / size)].values[place]);
  for (let row = 0; row < levels.length; row++) {
    const own = weights.subarray(row * size, (row + 1) * size);
    expect([...real.subarray(row * size, (row + 1) * size)]).toEqual(plainFeedback(own, metric, levels[row]));
  }
  const largest = outputs.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  metric.toOutputs(real).forEach((value, i) => {
    expect(Math.abs(value - rounded.outputs[i])).toBeLessThan(1e-11 * largest);
  });
});
