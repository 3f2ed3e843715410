/** The report of a training: what was learned, what the weights became, what deployment gained and whether it is exact. */
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRatio,
  formatSignificant,
} from "../core/number-format.ts";
import { type Card, renderReport } from "./html-report.ts";
import type { DeployedFigures, TrainingRecord } from "./training-record.ts";
import { deploymentSections, learningSections, weightSections } from "./training-sections.ts";

/**
 * Renders the report of a training as an HTML document.
 *
 * @throws ShapeError when the sizes of a layer, of the confusion matrix or of a picture disagree, or a class is unknown
 */
export function trainingReport(record: TrainingRecord): string {
  const { title, subtitle, generated, environment, command } = record;
  return renderReport({
    title,
    subtitle,
    generated,
    sections: [
      { kind: "headline", cards: headline(record) },
      ...learningSections(record),
      ...weightSections(record),
      ...deploymentSections(record),
      { kind: "text", title: "Command to reproduce this", isCollapsed: true, code: command },
      {
        kind: "table",
        title: "Environment",
        isCollapsed: true,
        columns: [{ label: "What" }, { label: "Value" }],
        rows: Object.entries(environment),
      },
    ],
  });
}

function headline({ deployed, runs }: TrainingRecord): Card[] {
  const { accuracy, bytes, floatBytes, backend, microsecondsPerSample } = deployed;
  const baseline = runs.find((run) => run.isBaseline);
  const baselineAccuracy = baseline?.testAccuracy;
  return [
    {
      label: "Accuracy on the test set",
      value: formatPercent(accuracy, 2),
      detail:
        baselineAccuracy === undefined
          ? "deployed model"
          : `${describeDifference(accuracy - baselineAccuracy)} ${baseline?.name} (${formatPercent(baselineAccuracy, 2)})`,
    },
    { label: "Parameters, packed", value: formatBytes(bytes), detail: `${formatBytes(floatBytes)} in float32` },
    { label: "Compression", value: formatRatio(floatBytes, bytes), detail: "scales and biases included" },
    {
      label: "Time per sample",
      value: formatDuration(microsecondsPerSample / 1e6),
      detail: `${backend} backend`,
    },
    exactnessCard(deployed),
  ];
}

/** Shows what was found and no more: without a comparison, or without the promise of equal bits, there is no verdict. */
function exactnessCard(deployed: DeployedFigures): Card {
  const { bitExact, comparedValues, differingValues, isExactnessPromised = true, largestDifference } = deployed;
  const label = "Exactness";
  const compared = formatCount(comparedValues);
  if (comparedValues === 0) return { label, value: "Not compared", detail: "no output was compared" };
  if (bitExact && !differingValues) {
    return {
      label,
      value: "✓ Bit-exact",
      detail: `all ${compared} outputs equal those of training in 32 bits`,
      verdict: "good",
    };
  }
  if (!isExactnessPromised) {
    const bound = largestDifference === undefined ? "" : ` by at most ${formatSignificant(largestDifference)}`;
    return {
      label,
      value: "Not promised",
      detail: `float operations round in another order: outputs differ from training${bound}`,
    };
  }
  const detail =
    differingValues === undefined
      ? `some of ${compared} outputs differ from training`
      : `${formatCount(differingValues)} of ${compared} outputs differ from training`;
  return { label, value: "✗ Not bit-exact", detail, verdict: "bad" };
}

/** A difference of fractions in percentage points, to be followed by what it is a difference from. */
function describeDifference(difference: number): string {
  const points = Math.abs(difference * 100).toFixed(2);
  if (!Number.isFinite(difference)) return "not comparable with";
  if (points === "0.00") return "equal to";
  return `${points} points ${difference > 0 ? "above" : "below"}`;
}
