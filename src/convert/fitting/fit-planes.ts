/** Ternary planes of a layer's weights, from the weights alone or with a look at what the layer is fed. */
import { ShapeError } from "../../core/errors.ts";
import type { MatrixShape, TernaryMatrix } from "../../core/ternary-matrix.ts";
import { decompose } from "../../quantizers/multi-ternary.ts";
import type { QuantizerOptions } from "../../quantizers/quantizer.ts";
import { fitToOutputs } from "./calibrated-fit.ts";
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
}

/**
 * Fits planes to the weights of a layer: one by the rule itself, several jointly. With calibration then to its outputs,
 * never worse than that on the calibration inputs.
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
    const outputError = relative(outputSums(weights, dataFree, calibration));
    const errors = { outputError, dataFreeOutputError: outputError };
    return { planes: dataFree, method: "data-free", ...errors, keptRows: outFeatures };
  }
  const { planes: fitted, sums } = fitToOutputs(weights, dataFree, metric);
  const isBetter = sums.keptRows < outFeatures;
  return {
    planes: isBetter ? fitted : dataFree,
    method: isBetter ? "calibrated" : "data-free",
    outputError: relative(sums),
    dataFreeOutputError: relative({ ...sums, squaredError: sums.dataFreeSquaredError }),
    keptRows: sums.keptRows,
  };
}

function checkCalibration(moments: SecondMoments, inFeatures: number): void {
  if (moments.inFeatures !== inFeatures) {
    throw new ShapeError(`calibration inputs must hold ${inFeatures} values each, got ${moments.inFeatures}`);
  }
  if (moments.tokens === 0) throw new ShapeError("calibration holds no inputs yet; add some, or leave it out");
}

function relative({ squaredError, squaredOutputs }: { squaredError: number; squaredOutputs: number }): number {
  return squaredError <= 0 ? 0 : Math.sqrt(squaredError / squaredOutputs);
}
