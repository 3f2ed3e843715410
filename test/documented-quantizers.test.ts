/** docs/quantizers.md describes every quantizer and activation rule, and its figures are those of this machine. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { activationRules } from "../src/activation-rules/index.ts";
import { RandomSource } from "../src/core/random.ts";
import { scaleOfRow, type TernaryMatrix } from "../src/core/ternary-matrix.ts";
import { createQuantizer, quantizers } from "../src/quantizers/index.ts";
import { decompose, sumPlanes } from "../src/quantizers/multi-ternary.ts";

const page = readFileSync(new URL("../docs/quantizers.md", import.meta.url), "utf8");

test.each(quantizers)(
  "$id has a section with gradient, options, activation and use",
  ({ id, defaults, activation }) => {
    const section = sectionOf(`## \`${id}\``);
    expect(section).toContain("**Gradient**");
    expect(section).toContain("**When**");
    expect(section).toContain(`**Activation**: \`${activation}\``);
    for (const [option, value] of Object.entries(defaults)) {
      const text = typeof value === "number" ? `(${value < 1e-3 ? value.toExponential() : value})` : `(\`${value}\``;
      expect(section).toContain(`\`${option}\` ${text}`);
    }
  },
);

test.each(activationRules)("$id has a section with gradient and use", ({ id }) => {
  const section = sectionOf(`### \`${id}\``);
  expect(section).toContain("**Gradient**");
  expect(section).toContain("**When**");
  for (const quantizer of quantizers.filter(({ activation }) => activation === id)) {
    expect(section).toContain(`\`${quantizer.id}\``);
  }
});

interface Cost {
  /** ‖W - Ŵ‖ / ‖W‖ */
  error: number;
  cosine: number;
  /** Share of trits that are 0. */
  zeros: number;
}

const SEEDS = 8;
const shape = { outFeatures: 512, inFeatures: 512 };
const count = shape.outFeatures * shape.inFeatures;
const distributions: Record<string, (random: RandomSource) => number> = {
  normal: (random) => random.normal(),
  uniform: (random) => random.uniform(-1, 1),
};
/** Costs of each seed, by distribution and quantizer. */
const measured = Object.fromEntries(
  Object.entries(distributions).map(([name, draw]) => {
    const samples = Array.from({ length: SEEDS }, (_, seed) => {
      const random = new RandomSource(seed);
      return Float32Array.from({ length: count }, () => draw(random));
    });
    const costs = quantizers.map(({ id }): [string, Cost[]] => {
      const quantizer = createQuantizer(id);
      return [id, samples.map((weights) => costOf(weights, quantizer.quantize(weights, shape)))];
    });
    return [name, Object.fromEntries(costs)];
  }),
);

test("the table of costs is the measured one", () => {
  const rows = quantizers.map(({ id }) => {
    const figures = Object.keys(distributions).flatMap((name) => {
      const costs = measured[name][id];
      const [error, cosine, zeros] = [meanOf(costs, "error"), meanOf(costs, "cosine"), meanOf(costs, "zeros")];
      return [error.toFixed(3), cosine.toFixed(3), `${Math.round(zeros * 100)} %`];
    });
    return `| \`${id}\` | ${figures.join(" | ")} |`;
  });
  const section = sectionOf("## What they cost before any training");
  expect(section.match(/^\| `.*\|$/gm)).toEqual(rows);
});

test("the table of several planes is the measured one", () => {
  const samples = Object.values(distributions).map((draw) => {
    const random = new RandomSource(0);
    return Float32Array.from({ length: count }, () => draw(random));
  });
  const rows = [1, 2, 3, 4].map((planes) => {
    const figures = samples.flatMap((weights) =>
      (["greedy", "joint"] as const).map((fit) => {
        const real = sumPlanes(decompose(weights, shape, { planes, fit }));
        const error = weights.reduce((sum, weight, i) => sum + (weight - real[i]) ** 2, 0);
        return Math.sqrt(error / weights.reduce((sum, weight) => sum + weight ** 2, 0)).toFixed(3);
      }),
    );
    return `| ${planes} | ${figures.join(" | ")} |`;
  });
  expect(sectionOf("## Several planes").match(/^\| \d.*\|$/gm)).toEqual(rows);
});

/** Figures of others for the same rules, rounded to three decimals and whole percents. */
const published: Record<string, Record<string, [error: number, cosine: number, zeros: number]>> = {
  normal: {
    bitnet: [0.513, 0.887, 0.31],
    twn: [0.437, 0.9, 0.45],
    optimal: [0.436, 0.9, 0.46],
    paretoq: [0.624, 0.837, 0.72],
    absmax: [0.842, 0.659, 0.89],
    bittorch: [2.281, 0.841, 0.13],
  },
  uniform: {
    bitnet: [0.394, 0.938, 0.25],
    twn: [0.337, 0.942, 0.37],
    optimal: [0.332, 0.943, 0.33],
    paretoq: [0.333, 0.943, 0.33],
    absmax: [0.499, 0.919, 0.5],
    bittorch: [0.922, 0.887, 0.05],
  },
};

test.each(Object.keys(published))("%s weights cost what was published, up to sampling", (name) => {
  for (const [id, figures] of Object.entries(published[name])) {
    (["error", "cosine", "zeros"] as const).forEach((key, i) => {
      const costs = measured[name][id];
      const mean = meanOf(costs, key);
      const deviation = Math.sqrt(costs.reduce((sum, cost) => sum + (cost[key] - mean) ** 2, 0) / (SEEDS - 1));
      // The mean of 8 matrices against one matrix of others: Student's t with 7 degrees of freedom, 99.9 %, two-sided.
      const sampling = 5.41 * deviation * Math.sqrt(1 + 1 / SEEDS);
      const rounding = key === "zeros" ? 0.005 : 0.0005;
      expect(Math.abs(mean - figures[i]), `${id} ${key} ${mean}`).toBeLessThanOrEqual(sampling + rounding);
    });
  }
});

test("the fixed threshold costs what the normal distribution says", () => {
  // For w ~ N(0, 1) and threshold 0.7: E[(w - trit)²] = 1 - 2 · E[|w|; |w| > 0.7] + P, with the first moment 2φ(0.7) and
  // P = P(|w| > 0.7) = 0.483927 (tables of the normal distribution).
  const density = Math.exp(-(0.7 ** 2) / 2) / Math.sqrt(2 * Math.PI);
  const beyond = 0.483927;
  const mean = meanOf(measured.normal.threshold, "error");
  // Squared error less its share of the square, and being 0, deviate by at most 1/2 for one weight (the former is below
  // 0.49 for |w| < 1.7), so by 1/2896 in the mean of 8 · 512²; the root's derivative, 1 / (2 · 0.485), is 1.03. Times four.
  expect(Math.abs(mean - Math.sqrt(1 - 4 * density + beyond))).toBeLessThan((4 * 1.03) / 2896);
  expect(Math.abs(1 - meanOf(measured.normal.threshold, "zeros") - beyond)).toBeLessThan(4 / 2896);
});

function costOf(weights: Float32Array, matrix: TernaryMatrix): Cost {
  let [error, squares, realSquares, products, zeros] = [0, 0, 0, 0, 0];
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i];
    const real = matrix.trits[i] * scaleOfRow(matrix, Math.floor(i / matrix.inFeatures));
    error += (weight - real) ** 2;
    squares += weight ** 2;
    realSquares += real ** 2;
    products += weight * real;
    if (matrix.trits[i] === 0) zeros++;
  }
  return {
    error: Math.sqrt(error / squares),
    cosine: products / Math.sqrt(squares * realSquares),
    zeros: zeros / weights.length,
  };
}

function meanOf(costs: readonly Cost[], key: keyof Cost): number {
  return costs.reduce((sum, cost) => sum + cost[key], 0) / costs.length;
}

/** The text below a heading, up to the next heading of its level or above. */
function sectionOf(heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  expect(start, `docs/quantizers.md needs the heading ${heading}`).toBeGreaterThanOrEqual(0);
  const rest = page.slice(start + heading.length + 2);
  const level = heading.indexOf(" ");
  const end = rest.search(new RegExp(`^#{1,${level}} `, "m"));
  return end < 0 ? rest : rest.slice(0, end);
}
