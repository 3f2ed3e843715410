/** How fast weights become trits, trits bytes, and bytes trits again: on one core, as converting and loading need it. */
import { RandomSource } from "../../src/core/random.ts";
import type { MatrixShape, TernaryMatrix } from "../../src/core/ternary-matrix.ts";
import { type Format, formats } from "../../src/formats/index.ts";
import { createQuantizer, quantizers } from "../../src/quantizers/index.ts";
import type { BenchCase, BenchOptions, Measurement, Target } from "../bench-case.ts";

const SHAPE: MatrixShape = { outFeatures: 4096, inFeatures: 4096 };
const SHORT_SHAPE: MatrixShape = { outFeatures: 256, inFeatures: 4096 };
const QUANTIZATIONS = 9;
const REPETITIONS = 21;
/** What the formats that kernels and converters meet most should reach. */
const FAST: ReadonlyMap<string, Target> = new Map(["i2", "tq2_0"].map((id) => [id, { atLeast: 500 }]));
const QUANTIZED: ReadonlyMap<string, Target> = new Map([["optimal", { atMost: 1 }]]);

/** Every quantizer and every format on one large matrix. */
export const formatsCase: BenchCase = {
  id: "formats",
  summary: "quantizers and formats on 4096 × 4096 weights: seconds, MB/s of packed bytes",

  async *run(options) {
    const shape = options.isQuick ? SHORT_SHAPE : SHAPE;
    const size = `${shape.outFeatures} × ${shape.inFeatures}`;
    const random = new RandomSource(1);
    const weights = Float32Array.from({ length: shape.outFeatures * shape.inFeatures }, () => random.normal());
    for (const { id } of quantizers) {
      options.note(`formats: ${id} ...`);
      const quantizer = createQuantizer(id);
      const samples = secondsOf(() => quantizer.quantize(weights, shape), QUANTIZATIONS, options);
      const target = QUANTIZED.get(id);
      yield { name: `${size} float32 to trits by ${id}`, unit: "s", samples, ...(target && { target }) };
    }
    // A scale that every format holds, in float16 as well.
    const matrix: TernaryMatrix = { ...createQuantizer("twn").quantize(weights, shape), scales: Float32Array.of(0.5) };
    for (const format of formats) {
      options.note(`formats: ${format.id} ...`);
      yield* speedOf(format, matrix, size, options);
    }
  },
};

function* speedOf(format: Format, matrix: TernaryMatrix, size: string, options: BenchOptions): Generator<Measurement> {
  const packed = format.pack(matrix);
  const { scales, groupSize } = format.fit(matrix);
  const unpack = () =>
    format.scales === "inside" ? format.unpack(packed, matrix) : format.unpack(packed, matrix, scales, groupSize);
  const { trits } = unpack();
  if (!matrix.trits.every((trit, i) => trit === trits[i])) throw new Error(`${format.id} gives other trits`);
  const goal = FAST.get(format.id);
  for (const [name, action, target] of [
    [`pack ${format.id}`, () => format.pack(matrix), goal],
    [`unpack ${format.id}`, unpack, goal],
    // Without the share of the system, which gives new memory page by page.
    [
      `unpack ${format.id} into used memory`,
      () => format.unpackRows(packed, matrix, 0, matrix.outFeatures, trits),
      undefined,
    ],
  ] as const) {
    const samples = secondsOf(action, REPETITIONS, options).map((seconds) => packed.length / seconds / 1e6);
    yield { name: `${size}, ${name}`, unit: "MB/s", samples, ...(target && { target }) };
  }
}

/** After one call that compiles it. */
function secondsOf(action: () => unknown, repetitions: number, { isQuick }: BenchOptions): number[] {
  action();
  return Array.from({ length: isQuick ? 1 : repetitions }, () => {
    const started = performance.now();
    action();
    return (performance.now() - started) / 1000;
  });
}
