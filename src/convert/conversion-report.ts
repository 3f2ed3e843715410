/** What a conversion cost and gained, layer by layer and in total: pure data. */
import type { Shape } from "../core/shape.ts";
import type { Checkpoint } from "./checkpoints/checkpoint.ts";
import type { ConversionPlan, PlannedTensor } from "./conversion-plan.ts";
import { addTrits, type LayerFigures, measuresOf, sparsityOf } from "./layer-figures.ts";
import { someNames } from "./plan-notes.ts";
import type { TensorProof } from "./prove-written.ts";

/** ‖W - Ŵ‖ / ‖W‖ of weights that are as good as gone: zeros in their place give 1. */
const LOST_ERROR = 0.9;

/** One tensor that became ternary, or was it before or is it no more. */
export interface LayerReport {
  readonly name: string;
  readonly shape: Shape;
  /** Types before and after. */
  readonly from: string;
  readonly to: string;
  readonly quantizer: string | undefined;
  readonly planes: number | undefined;
  /** ‖W - Ŵ‖ / ‖W‖; undefined where the tensor was ternary before. */
  readonly weightError: number | undefined;
  readonly cosine: number | undefined;
  /** Share of zeros among the trits. */
  readonly sparsity: number | undefined;
  /** ‖(W - Ŵ)X‖ / ‖WX‖ on calibration inputs. */
  readonly outputError: number | undefined;
  /** The same of the planes that the weights alone would have given. */
  readonly dataFreeOutputError: number | undefined;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly bitsPerWeight: number;
  /** What reading the written file back showed. */
  readonly proof: TensorProof;
}

/** Sums over layers. */
export interface ReportTotal {
  readonly weights: number;
  readonly weightError: number | undefined;
  readonly cosine: number | undefined;
  readonly sparsity: number | undefined;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly bitsPerWeight: number | undefined;
}

/** A whole conversion. */
export interface ConversionReport {
  readonly source: string;
  readonly sourceDescription: string;
  readonly out: string;
  readonly target: string;
  readonly format: string;
  readonly layers: readonly LayerReport[];
  readonly total: ReportTotal;
  /** Tensors that were kept as they are, and their bytes. */
  readonly kept: { readonly count: number; readonly bytes: number };
  /** Of the files, headers included. */
  readonly fileBytes: { readonly before: number; readonly after: number };
  /** Whether every weight that was ternary is the same afterwards; undefined where none was. */
  readonly isLossless: boolean | undefined;
  readonly notes: readonly string[];
  readonly resumedTensors: number;
  readonly seconds: number;
}

/** What a report is made of. */
export interface ReportParts {
  readonly plan: ConversionPlan;
  readonly out: string;
  readonly source: Checkpoint;
  /** The file that was written, read again. */
  readonly written: Checkpoint;
  readonly figures: ReadonlyMap<string, LayerFigures>;
  readonly proofs: ReadonlyMap<string, TensorProof>;
  readonly notes: readonly string[];
  readonly resumedTensors: number;
  readonly seconds: number;
}

/** The report of a conversion. */
export function makeReport(parts: ReportParts): ConversionReport {
  const { plan, out, source, written, proofs } = parts;
  const changed = plan.tensors.filter(({ action }) => action.kind !== "keep");
  const kept = plan.tensors.filter(({ action }) => action.kind === "keep");
  const layers = changed.map((planned) => layerReport(planned, parts));
  const wasTernary = changed.filter(({ name }) => source.tensors.get(name)?.kind === "ternary");
  return {
    ...{ source: source.file, sourceDescription: plan.sourceDescription, out },
    ...{ target: plan.target, format: plan.format, layers },
    total: totalOf(layers, [...parts.figures.values()]),
    kept: { count: kept.length, bytes: kept.reduce((sum, { bytesAfter }) => sum + bytesAfter, 0) },
    fileBytes: { before: source.byteLength, after: written.byteLength },
    isLossless: wasTernary.length === 0 ? undefined : wasTernary.every(({ name }) => proofs.get(name)?.isLossless),
    notes: [...parts.notes, ...lossNotes(layers)],
    ...{ resumedTensors: parts.resumedTensors, seconds: parts.seconds },
  };
}

/** Some quantizers cut at fixed magnitudes, whatever those of the weights are, and a few outliers outweigh all else. */
function lossNotes(layers: readonly LayerReport[]): string[] {
  const lost = layers.filter(({ quantizer, weightError = 0 }) => quantizer !== undefined && weightError > LOST_ERROR);
  if (lost.length === 0) return [];
  const those = lost.length === 1 ? "one layer keeps" : `${lost.length} layers keep`;
  const quantizers = [...new Set(lost.map(({ quantizer }) => quantizer))].join(" and ");
  const names = someNames(lost.map(({ name }) => name));
  return [
    `${those} next to nothing of the weights (${names}) as ${quantizers} rounds them: choose another quantizer, or skip them`,
  ];
}

function layerReport(planned: PlannedTensor, { written, figures, proofs }: ReportParts): LayerReport {
  const { name, shape, from, action, bytesBefore } = planned;
  const found = figures.get(name);
  const tensor = written.tensors.get(name);
  const bytesAfter = tensor?.byteLength ?? planned.bytesAfter;
  const weights = shape.reduce((product, size) => product * size, 1);
  const fit = found && measuresOf([found]);
  return {
    ...{ name, shape, from, to: tensor?.type ?? "missing" },
    quantizer: action.kind === "fit" ? action.quantizer : undefined,
    planes: action.kind === "fit" || action.kind === "repack" ? action.planes : undefined,
    weightError: fit?.relativeError,
    cosine: fit?.cosine,
    sparsity: found && sparsityOf(found.trits),
    outputError: found?.output?.error,
    dataFreeOutputError: found?.output?.dataFreeError,
    ...{ bytesBefore, bytesAfter, bitsPerWeight: (bytesAfter * 8) / weights },
    proof: proofs.get(name) ?? { isLossless: false, text: "not compared" },
  };
}

function totalOf(layers: readonly LayerReport[], figures: readonly LayerFigures[]): ReportTotal {
  const sum = (value: (layer: LayerReport) => number) => layers.reduce((total, layer) => total + value(layer), 0);
  const weights = sum(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const fit = measuresOf(figures);
  const bytesAfter = sum((layer) => layer.bytesAfter);
  return {
    weights,
    weightError: fit?.relativeError,
    cosine: fit?.cosine,
    sparsity: sparsityOf(addTrits(figures.map(({ trits }) => trits))),
    bytesBefore: sum((layer) => layer.bytesBefore),
    bytesAfter,
    bitsPerWeight: weights === 0 ? undefined : (bytesAfter * 8) / weights,
  };
}
