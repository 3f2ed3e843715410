/** The sections of a training's report: learning curves, weights, and what deployment costs and gets wrong. */
import { ShapeError } from "../core/errors.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRatio,
  formatSignificant,
} from "../core/number-format.ts";
import { histogramSections } from "./histogram-sections.ts";
import type { Plot, Section } from "./html-report.ts";
import { barChart } from "./plots/bar-chart.ts";
import { confusionMatrix } from "./plots/confusion-matrix.ts";
import { histogram } from "./plots/histogram.ts";
import { imageGrid } from "./plots/image-grid.ts";
import { type LineSeries, lineChart } from "./plots/line-chart.ts";
import type { EpochFigures, TrainingRecord, TrainingRun } from "./training-record.ts";

const MOST_EXAMPLES = 16;
const MOST_CLASSES_IN_A_COLUMN = 20;
const NONE = "–";

/** Loss and accuracy against the epoch, and what each run ended with. */
export function learningSections({ runs }: TrainingRecord): Section[] {
  const epochs = { label: "epoch", isWhole: true };
  const loss = lineChart({
    title: "Loss",
    series: curves(runs, "loss", "validationLoss"),
    x: epochs,
    y: { label: "loss (mean over samples)" },
  });
  const accuracy = lineChart({
    title: "Accuracy",
    series: curves(runs, "accuracy", "validationAccuracy"),
    x: epochs,
    y: { label: "share of samples classified right", numbers: "percent", limits: [0, 1] },
  });
  const percent = (fraction: number) => formatPercent(fraction, 2);
  return [
    { kind: "plots", title: "Learning", plots: [{ svg: loss }, { svg: accuracy }] },
    {
      kind: "table",
      columns: [
        { label: "Run" },
        { label: "Epochs", isNumber: true },
        { label: "Last loss", isNumber: true },
        { label: "Training accuracy", isNumber: true },
        { label: "Validation accuracy", isNumber: true },
        { label: "Test accuracy", isNumber: true },
        { label: "Time", isNumber: true },
        { label: "Per epoch", isNumber: true },
      ],
      rows: runs.map(({ name, history, seconds, testAccuracy }) => {
        const last = history.at(-1);
        return [
          name,
          formatCount(history.length),
          orNone(last?.loss, formatSignificant),
          orNone(last?.accuracy, percent),
          orNone(last?.validationAccuracy, percent),
          orNone(testAccuracy, percent),
          formatDuration(seconds),
          formatDuration(seconds / history.length),
        ];
      }),
    },
  ];
}

/** A histogram for each layer. */
export function weightSections({ layers }: TrainingRecord): Section[] {
  return histogramSections(
    layers.map((layer) => ({ svg: histogram(layer) })),
    "Float weights after training, coloured by the trit each became; s is the scale of the layer.",
  );
}

/** Bytes before and after, the confusion matrix, and pictures of mistakes. */
export function deploymentSections(record: TrainingRecord): Section[] {
  const { confusion, classes, examples = [] } = record;
  const matrix = confusionMatrix({ title: "Confusion on the test set", counts: confusion, classes });
  const isLarge = classes.length > MOST_CLASSES_IN_A_COLUMN;
  const plots: Plot[] = [{ svg: memoryChart(record) }];
  if (!isLarge) plots.push({ svg: matrix, isTall: examples.length > 0 });
  if (examples.length > 0) {
    const mistakes = imageGrid({
      title: "Mistakes: true class → predicted class",
      images: examples.slice(0, MOST_EXAMPLES).map(({ image, truth, prediction }) => ({
        image,
        label: `${classOf(classes, truth)} → ${classOf(classes, prediction)}`,
      })),
    });
    plots.push({ svg: mistakes });
  }
  const sections: Section[] = [{ kind: "plots", title: "Deployed model", plots }];
  if (isLarge) sections.push({ kind: "plots", columnCount: 1, plots: [{ svg: matrix }] });
  return sections;
}

function memoryChart({ memory }: TrainingRecord): string {
  const total = (bytes: "floatBytes" | "packedBytes") => memory.reduce((sum, layer) => sum + layer[bytes], 0);
  const rows = [...memory, { layer: "total", floatBytes: total("floatBytes"), packedBytes: total("packedBytes") }];
  return barChart({
    title: "Memory of the parameters",
    label: "bytes; 1 kB = 1000 B",
    groups: rows.map(({ layer }) => layer),
    series: [
      { name: "float32", values: rows.map(({ floatBytes }) => floatBytes) },
      {
        name: "packed",
        values: rows.map(({ packedBytes }) => packedBytes),
        labels: rows.map(({ floatBytes, packedBytes }) => describePacked(floatBytes, packedBytes)),
      },
    ],
    format: formatBytes,
    isLastTotal: true,
  });
}

function describePacked(floatBytes: number, packedBytes: number): string {
  return packedBytes < floatBytes
    ? `${formatBytes(packedBytes)} (${formatRatio(floatBytes, packedBytes)} smaller)`
    : formatBytes(packedBytes);
}

/** Validation as a full line with the training dashed beside it; where nothing was validated, the training alone. */
function curves(
  runs: readonly TrainingRun[],
  trained: "loss" | "accuracy",
  validated: "validationLoss" | "validationAccuracy",
): LineSeries[] {
  const points = (history: readonly EpochFigures[], field: keyof EpochFigures) =>
    history.flatMap((record) => {
      const y = record[field];
      return y === undefined ? [] : [{ x: record.epoch, y }];
    });
  return runs.flatMap(({ name, history }, colorIndex): LineSeries[] => {
    const validation = points(history, validated);
    const training = points(history, trained);
    if (validation.length === 0) return [{ name, points: training, colorIndex }];
    return [
      { name: `${name}, training`, points: training, colorIndex, isDashed: true },
      { name: `${name}, validation`, points: validation, colorIndex },
    ];
  });
}

function classOf(classes: readonly string[], index: number): string {
  const name = classes[index];
  if (name === undefined) throw new ShapeError(`a class must be an index below ${classes.length}, got ${index}`);
  return name;
}

function orNone(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? NONE : format(value);
}
