/** Some weights of some layers, for histograms. */
import type { MatrixShape } from "../core/ternary-matrix.ts";
import type {
  Checkpoint,
  CheckpointTensor,
  FloatTensor,
  PackedPlane,
  TernaryTensor,
} from "./checkpoints/checkpoint.ts";
import { openCheckpoint } from "./checkpoints/index.ts";
import { targetById } from "./choose-target.ts";
import type { ConversionReport } from "./conversion-report.ts";
import { addedPlanes, blockOfPlane } from "./row-blocks.ts";

/** Weights of some rows of a tensor. */
export interface WeightSample {
  readonly name: string;
  readonly weights: Float32Array;
  /** Trits of the first plane, where the tensor is or became ternary. */
  readonly trits: Int8Array | undefined;
  /** One scale per row of the sample. */
  readonly scales: Float32Array | undefined;
  /** All planes of the tensor; 0 for floats. */
  readonly planes: number;
}

const MOST_LAYERS = 24;
const MOST_WEIGHTS = 2 ** 16;

/** Samples layers that were made ternary of floats, the first of them where there are many: floats and trits. */
export async function sampleConversion(
  source: Checkpoint,
  { layers, out, target }: Pick<ConversionReport, "layers" | "out" | "target">,
): Promise<WeightSample[]> {
  await using written = await openCheckpoint(out, targetById(target).readOptions);
  const samples: WeightSample[] = [];
  for (const { name } of layers.filter(({ weightError }) => weightError !== undefined).slice(0, MOST_LAYERS)) {
    const [floats, ternary] = [source.tensors.get(name), written.tensors.get(name)];
    if (floats?.kind !== "float" || ternary?.kind !== "ternary") continue;
    const weights = await sampleFloats(floats);
    samples.push({ name, weights, ...samplePlane(await ternary.readPlanes(), ternary.matrix) });
  }
  return samples;
}

/** Samples matrices of a file, ternary ones first. */
export async function sampleCheckpoint({ tensors }: Checkpoint): Promise<WeightSample[]> {
  const all = [...tensors.values()];
  const ternary = all.filter((tensor): tensor is TernaryTensor => tensor.kind === "ternary");
  const floats = all.filter((tensor): tensor is FloatTensor => tensor.kind === "float" && isMatrix(tensor));
  const samples: WeightSample[] = [];
  for (const tensor of ternary.slice(0, MOST_LAYERS)) {
    const planes = await tensor.readPlanes();
    const { matrix, name } = tensor;
    const rows = sampledRows(matrix).map((first) =>
      addedPlanes(planes.map((plane) => blockOfPlane(plane, matrix, { first, count: 1 }))),
    );
    samples.push({ name, weights: joined(rows), ...samplePlane(planes, matrix) });
  }
  for (const tensor of floats.slice(0, MOST_LAYERS - samples.length)) {
    const nothing = { trits: undefined, scales: undefined, planes: 0 };
    samples.push({ name: tensor.name, weights: await sampleFloats(tensor), ...nothing });
  }
  return samples;
}

function isMatrix({ shape }: CheckpointTensor): boolean {
  return shape.length > 1;
}

/** Rows taken evenly. */
function sampledRows({ outFeatures, inFeatures }: MatrixShape): number[] {
  const count = Math.min(outFeatures, Math.max(1, Math.floor(MOST_WEIGHTS / inFeatures)));
  return Array.from({ length: count }, (_, i) => Math.floor((i * outFeatures) / count));
}

async function sampleFloats({ matrix, readRows }: FloatTensor): Promise<Float32Array> {
  const rows: Float32Array[] = [];
  for (const row of sampledRows(matrix)) rows.push(await readRows(row, 1));
  return joined(rows);
}

/** The first plane; scales of groups within a row are averaged, because a histogram shows one for each row. */
function samplePlane(
  planes: readonly PackedPlane[],
  matrix: MatrixShape,
): Pick<WeightSample, "trits" | "scales" | "planes"> {
  const rows = sampledRows(matrix).map((first) => blockOfPlane(planes[0], matrix, { first, count: 1 }));
  const trits = new Int8Array(rows.length * matrix.inFeatures);
  rows.forEach((row, i) => {
    trits.set(row.trits, i * matrix.inFeatures);
  });
  const scales = Float32Array.from(
    rows,
    (row) => row.scales.reduce((sum, scale) => sum + scale, 0) / row.scales.length,
  );
  return { trits, scales, planes: planes.length };
}

function joined(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  rows.reduce((at, row) => {
    all.set(row, at);
    return at + row.length;
  }, 0);
  return all;
}
