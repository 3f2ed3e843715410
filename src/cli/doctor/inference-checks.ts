/** Checks of what runs packed models: formats, backends, files. No training engine. */
import { activationRules } from "../../activation-rules/index.ts";
import { type Backend, backends, type LayerOptions } from "../../backends/index.ts";
import { RandomSource } from "../../core/random.ts";
import { scaleOfRow, type TernaryMatrix } from "../../core/ternary-matrix.ts";
import { formats } from "../../formats/index.ts";
import { type CheckResult, compareBits, compareWithin, runCheck } from "./check.ts";

/** `[outFeatures, inFeatures]`, around the edges of packed bytes and vectors. */
const SHAPES = [
  [1, 1],
  [3, 16],
  [17, 65],
  [64, 128],
  [5, 301],
] as const;
const TOKENS = [1, 5];

/** A backend of the list on this machine. */
export interface BackendStatus {
  readonly id: string;
  readonly summary: string;
  readonly backend: Backend | undefined;
  /** Why it is absent. */
  readonly reason: string | undefined;
  /** Whether it should have opened and did not, as with a variable that says nothing it knows. */
  readonly isBroken: boolean;
}

/** Opens every backend. */
export async function openBackends(): Promise<BackendStatus[]> {
  const statuses: BackendStatus[] = [];
  for (const { id, summary, open } of backends) {
    try {
      const opened = await open();
      const isAbsent = "unavailable" in opened;
      statuses.push({
        ...{ id, summary },
        backend: isAbsent ? undefined : opened,
        ...{ reason: isAbsent ? opened.unavailable : undefined, isBroken: false },
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      statuses.push({ id, summary, backend: undefined, reason, isBroken: true });
    }
  }
  return statuses;
}

/** What formats pack; the last one fits all of them. */
const PACKED_SHAPES = [...SHAPES, [5, 256]] as const;

/** Every format gives back the trits it packed, of shapes that it can hold. */
export async function checkFormats(): Promise<CheckResult> {
  return await runCheck(`formats ${formats.map(({ id }) => id).join(", ")} give back what they pack`, async () => {
    let compared = 0;
    for (const format of formats) {
      for (const shape of PACKED_SHAPES) {
        // A scale that every format can hold: trits are compared.
        const matrix = { ...randomMatrix(shape, new RandomSource(compared)), scales: Float32Array.of(1) };
        if (format.limit(matrix) !== undefined) continue;
        const unpacked = format.unpack(format.pack(matrix), matrix);
        compared += compareBits(`${format.id} ${shape.join(" x ")}`, unpacked.trits, matrix.trits);
      }
    }
    return `${compared} trits`;
  });
}

/**
 * A backend gives the product that the numeric contract defines: of a small example worked out here, and of random layers
 * as the last backend of the list computes them, which is the definition.
 */
export async function checkBackend(backend: Backend): Promise<CheckResult> {
  return await runCheck(`backend ${backend.id} computes what the numeric contract says`, async () => {
    const definition = await backends[backends.length - 1].open();
    if ("unavailable" in definition) throw new Error(definition.unavailable);
    let compared = await compareExample(backend);
    for (const kernel of backend.kernels) {
      for (const { id: activation, isInteger } of activationRules) {
        for (const layer of randomLayers()) {
          const [actual, expected] = [
            await runLayer(backend, layer, { activation, kernel }),
            await runLayer(definition, layer, { activation }),
          ];
          const what = `kernel ${kernel}, ${activation}, ${layer.tokens} x ${shapeOf(layer.matrix).join(" x ")}`;
          compared += isInteger
            ? compareBits(what, actual, expected)
            : compareWithin(what, actual, expected, floatBounds(layer));
        }
      }
    }
    return `${compared} outputs, kernels: ${backend.kernels.join(", ")}`;
  });
}

/** x = [1, 2, -3]: codes [42, 85, -127] with scale 3/127, times two rows of trits with scale 1/2, plus a bias. */
async function compareExample(backend: Backend): Promise<number> {
  const matrix = {
    ...{ outFeatures: 2, inFeatures: 3 },
    trits: Int8Array.of(1, 0, -1, 1, 1, 1),
    scales: Float32Array.of(0.5),
  };
  using layer = backend.linear([matrix], { activation: "int8", bias: Float32Array.of(0, 0.25) });
  const inputScale = Math.fround(3 * Math.fround(1 / 127));
  const expected = [Math.fround((42 + 127) * Math.fround(inputScale * 0.5)), 0.25]; // 42 + 85 - 127 = 0
  return compareBits("the worked example", await layer.run(Float32Array.of(1, 2, -3), 1), expected);
}

/** A layer and tokens for it. */
interface LayerCase {
  readonly matrix: TernaryMatrix;
  readonly bias: Float32Array;
  readonly x: Float32Array;
  readonly tokens: number;
}

/** The same each time. */
function randomLayers(): LayerCase[] {
  return SHAPES.flatMap((shape) =>
    TOKENS.map((tokens) => {
      const random = new RandomSource(shape[0] * 1000 + shape[1] + tokens);
      const normals = (length: number) => Float32Array.from({ length }, () => random.normal());
      return { matrix: randomMatrix(shape, random), bias: normals(shape[0]), x: normals(tokens * shape[1]), tokens };
    }),
  );
}

async function runLayer(
  backend: Backend,
  { matrix, bias, x, tokens }: LayerCase,
  options: Pick<LayerOptions, "activation" | "kernel">,
): Promise<Float32Array> {
  using layer = backend.linear([matrix], { ...options, bias });
  return await layer.run(x, tokens);
}

/**
 * How far each output of float codes may be off. Sums of K products in float32 and in any order differ by at most
 * γ_K Σ|x · t|, γ_K = Kε / (1 - Kε) (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1), and five
 * roundings follow on both sides together, each of a value below A = |s| Σ|x · t| + |b|: for K ≤ 1000 less than 2 (K + 5) ε A.
 */
function floatBounds({ matrix, bias, x, tokens }: LayerCase): Float64Array {
  const { outFeatures, inFeatures, trits } = matrix;
  return Float64Array.from({ length: tokens * outFeatures }, (_, at) => {
    const [token, n] = [Math.floor(at / outFeatures), at % outFeatures];
    let sum = 0;
    for (let k = 0; k < inFeatures; k++) sum += Math.abs(x[token * inFeatures + k] * trits[n * inFeatures + k]);
    return 2 * (inFeatures + 5) * 2 ** -24 * (scaleOfRow(matrix, n) * sum + Math.abs(bias[n]));
  });
}

function shapeOf({ outFeatures, inFeatures }: TernaryMatrix): number[] {
  return [outFeatures, inFeatures];
}

function randomMatrix([outFeatures, inFeatures]: readonly [number, number], random: RandomSource): TernaryMatrix {
  const trits = Int8Array.from({ length: outFeatures * inFeatures }, () => random.integer(3) - 1);
  const scales = Float32Array.from({ length: outFeatures }, () => random.uniform(0.01, 1));
  return { outFeatures, inFeatures, trits, scales };
}
