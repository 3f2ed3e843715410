/** Ternary planes of a layer's weights, from the weights alone or with a look at what the layer is fed. */
import { ShapeError } from "../../core/errors.ts";
import type { MatrixShape, TernaryMatrix } from "../../core/ternary-matrix.ts";
import { decompose } from "../../quantizers/multi-ternary.ts";
import type { QuantizerOptions } from "../../quantizers/quantizer.ts";
import { fitToOutputs, type OutputSums } from "./calibrated-fit.ts";
import { OutputMetric } from "./output-metric.ts";
import { outputSums } from "./output-sums.ts";
import type { SecondMoments } from "./second-moments.ts";

/** Options of `fitPlanes`. */
export interface FitPlanesOptions {
  /** 1 to 4; 1 by default. */
  planes?: number;
  /** Weight rule of the data-free fit by name; `optimal` by default. */
  quantizer?: string;
  /** Options of the weight rule. */
  quantizerOptions?: QuantizerOptions;
  /** What the layer is fed. With it planes have a scale per row, whatever the rule. */
  calibration?: SecondMoments;
}

/** Planes with what they leave. */
export interface FittedPlanes {
  readonly planes: TernaryMatrix[];
  /**
   * `data-free`: from the weights alone. That is so without calibration inputs, and with inputs that tell nothing (all 0) or
   * for which no row could be made better; `keptRows` counts these.
   */
  readonly method: "data-free" | "calibrated";
  /** ‖(W - Ŵ)X‖ / ‖WX‖ on the calibration inputs; 0 where both are 0. Absent without calibration. */
  readonly outputError?: number;
  /** The same of the data-free planes. */
  readonly dataFreeOutputError?: number;
  /** Rows that the data-free fit served better on the calibration inputs, and that keep it. */
  readonly keptRows?: number;
  /** The sums behind the errors, which those of other rows of the same layer can be added to. Absent without calibration. */
  readonly output?: OutputErrorSums;
}

/** Sums over rows, on the calibration inputs X. */
export interface OutputErrorSums {
  /** ‖WX‖² */
  readonly squaredOutputs: number;
  /** ‖(W - Ŵ)X‖² */
  readonly squaredError: number;
  /** The same of the data-free planes. */
  readonly dataFreeSquaredError: number;
}

/**
 * Fits planes to the weights of a layer: one by the rule itself, several jointly. With calibration then to its outputs,
 * never worse than that on the calibration inputs. Rows are fitted for themselves, up to a factor of the scales to start
 * from; so a large layer may be given by parts, best by multiples of 48 rows, with the same calibration.
 *
 * @param weights row-major `[outFeatures, inFeatures]`, finite
 * @throws ShapeError for weights, a number of planes or calibration inputs that do not fit, UnsupportedError for an unknown
 *   rule or one that learns its scale
 */
export function fitPlanes(
  weights: Float32Array,
  { outFeatures, inFeatures }: MatrixShape,
  { planes = 1, quantizer, quantizerOptions, calibration }: FitPlanesOptions = {},
): FittedPlanes {
  if (calibration) checkCalibration(calibration, inFeatures);
  const dataFree = decompose(
    weights,
    { outFeatures, inFeatures },
    {
      planes,
      fit: planes > 1 ? "joint" : "greedy",
      ...(quantizer !== undefined && { quantizer }),
      ...(quantizerOptions && { quantizerOptions }),
    },
  );
  if (!calibration) return { planes: dataFree, method: "data-free" };
  const metric = OutputMetric.of(calibration);
  if (!metric) {
    const { squaredOutputs, squaredError } = outputSums(weights, dataFree, calibration);
    const sums = { squaredOutputs, squaredError, dataFreeSquaredError: squaredError, keptRows: outFeatures };
    return withErrors(dataFree, outFeatures, sums);
  }
  const { planes: fitted, sums } = fitToOutputs(weights, dataFree, metric);
  return withErrors(sums.keptRows < outFeatures ? fitted : dataFree, outFeatures, sums);
}

function withErrors(planes: TernaryMatrix[], outFeatures: number, { keptRows, ...sums }: OutputSums): FittedPlanes {
  // Where errors vanish, roundings of the sums can lead below zero.
  const output: OutputErrorSums = {
    squaredOutputs: Math.max(0, sums.squaredOutputs),
    squaredError: Math.max(0, sums.squaredError),
    dataFreeSquaredError: Math.max(0, sums.dataFreeSquaredError),
  };
  return {
    planes,
    method: keptRows < outFeatures ? "calibrated" : "data-free",
    outputError: relative(output.squaredError, output.squaredOutputs),
    dataFreeOutputError: relative(output.dataFreeSquaredError, output.squaredOutputs),
    keptRows,
    output,
  };
}

function checkCalibration(moments: SecondMoments, inFeatures: number): void {
  if (moments.inFeatures !== inFeatures) {
    throw new ShapeError(`calibration inputs must hold ${inFeatures} values each, got ${moments.inFeatures}`);
  }
  if (moments.tokens === 0) throw new ShapeError("calibration holds no inputs yet; add some, or leave it out");
}

function relative(squaredError: number, squaredOutputs: number): number {
  return squaredError === 0 ? 0 : Math.sqrt(squaredError / squaredOutputs);
}
