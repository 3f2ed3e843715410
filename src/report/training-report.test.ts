import { expect, test } from "vitest";
import { elementsOf, hasClass, type MarkupElement, parseMarkup } from "../../test/support/parse-markup.ts";
import { grayscaleImage } from "./drawing/png.ts";
import type { DeployedFigures, TrainingRecord } from "./training-record.ts";
import { trainingReport } from "./training-report.ts";

const history = [1, 2, 3].map((epoch) => ({
  epoch,
  loss: 1 / epoch,
  accuracy: 0.9 + epoch / 100,
  validationLoss: 1.1 / epoch,
  validationAccuracy: 0.89 + epoch / 100,
}));
const layer = (name: string) => ({
  name,
  weights: Float32Array.of(-0.5, 0.1, 0.5, 0),
  trits: Int8Array.of(-1, 0, 1, 0),
  scales: Float32Array.of(0.5),
});
const deployed: DeployedFigures = {
  accuracy: 0.9812,
  bitExact: true,
  comparedValues: 100_000,
  bytes: 47_500,
  floatBytes: 941_000,
  backend: "reference",
  microsecondsPerSample: 41.2,
};
const record: TrainingRecord = {
  title: "Digits",
  runs: [
    { name: "float", history, seconds: 12, testAccuracy: 0.983, isBaseline: true },
    { name: "ternary", history, seconds: 90, testAccuracy: 0.9812 },
  ],
  layers: [layer("layers.0"), layer("layers.3")],
  memory: [
    { layer: "layers.0", floatBytes: 800_000, packedBytes: 40_000 },
    { layer: "norm", floatBytes: 512, packedBytes: 512 },
  ],
  confusion: [
    [98, 2],
    [1, 99],
  ],
  classes: ["zero", "one"],
  deployed,
  examples: [{ image: grayscaleImage(Float32Array.of(0, 1), 2, 1), truth: 0, prediction: 1 }],
  environment: { Node: "20.20.0" },
  command: "npm run demo -- --seed 1",
};

const render = (changes: Partial<TrainingRecord> = {}) => parseMarkup(trainingReport({ ...record, ...changes }));
const texts = (root: MarkupElement, name: string) => elementsOf(root, name).map(({ text }) => text);
const plotTitles = (root: MarkupElement) =>
  elementsOf(root, "text")
    .filter((text) => hasClass(text, "title"))
    .map(({ text }) => text);
const cards = (root: MarkupElement) => elementsOf(root, "div").filter((element) => hasClass(element, "card"));
const exactness = (changes: Partial<DeployedFigures>) => {
  const card = cards(render({ deployed: { ...deployed, ...changes } })).at(-1);
  return { text: card?.text, isGood: card && hasClass(card, "good"), isBad: card && hasClass(card, "bad") };
};

test("the headline says accuracy, size, compression, speed and exactness", () => {
  expect(cards(render()).map(({ text }) => text)).toEqual([
    "Accuracy on the test set98.12%0.18 points below float (98.30%)",
    "Parameters, packed47.5 kB941 kB in float32",
    "Compression19.8×scales and biases included",
    "Time per sample41.2 µsreference backend",
    "Exactness✓ Bit-exactall 100,000 outputs equal those of training in 32 bits",
  ]);
});

test("exactness is shown as it is", () => {
  const good = { text: expect.stringContaining("✓ Bit-exact"), isGood: true, isBad: false };
  expect(exactness({})).toEqual(good);
  expect(exactness({ differingValues: 0 })).toEqual(good);
  const bad = (detail: string) => ({
    text: `Exactness✗ Not bit-exact${detail} differ from training`,
    isGood: false,
    isBad: true,
  });
  expect(exactness({ bitExact: false })).toEqual(bad("some of 100,000 outputs"));
  expect(exactness({ bitExact: false, differingValues: 37 })).toEqual(bad("37 of 100,000 outputs"));
  expect(exactness({ bitExact: true, differingValues: 1 })).toEqual(bad("1 of 100,000 outputs"));
  expect(exactness({ comparedValues: 0 })).toMatchObject({ isGood: false, isBad: false });
  const unpromised = { bitExact: false, isExactnessPromised: false, differingValues: 37, largestDifference: 3.21e-7 };
  expect(exactness(unpromised)).toMatchObject({
    text: expect.stringContaining("3.21e−7"),
    isGood: false,
    isBad: false,
  });
  expect(exactness({ isExactnessPromised: false })).toEqual(good);
});

test("the comparison with a baseline is made only where there is one", () => {
  const detail = (accuracy: number, testAccuracy: number | undefined, isBaseline = true) =>
    cards(
      render({
        deployed: { ...deployed, accuracy },
        runs: [{ name: "float", history, seconds: 1, testAccuracy, isBaseline }],
      }),
    )[0].text;
  expect(detail(0.99, 0.98)).toContain("1.00 points above float");
  expect(detail(0.98, 0.98)).toContain("equal to float");
  expect(detail(0.98, Number.NaN)).toContain("not comparable with float");
  expect(detail(0.98, undefined)).toContain("deployed model");
  expect(detail(0.98, 0.97, false)).toContain("deployed model");
});

test("all plots, tables and the command are there", () => {
  const root = render();
  expect(plotTitles(root)).toEqual([
    "Loss",
    "Accuracy",
    "layers.0",
    "layers.3",
    "Memory of the parameters",
    "Confusion on the test set",
    "Mistakes: true class → predicted class",
  ]);
  expect(texts(root, "h2")).toEqual(["Learning", "Weights and their trits", "Deployed model"]);
  expect(texts(root, "td").slice(0, 8)).toEqual(["float", "3", "0.333", "93.00%", "92.00%", "98.30%", "12 s", "4 s"]);
  expect(texts(root, "td")).toEqual(expect.arrayContaining(["1 min 30 s", "Node", "20.20.0"]));
  expect(texts(root, "code")).toEqual(["npm run demo -- --seed 1"]);
  const labels = texts(root, "text");
  expect(labels).toEqual(expect.arrayContaining(["800 kB", "40 kB (20.0× smaller)", "801 kB", "zero → one"]));
  expect(labels).toEqual(expect.arrayContaining(["float, training", "float, validation"]));
  const strokes = elementsOf(root, "path").flatMap(({ attributes }) => attributes.stroke ?? []);
  const [float, ternary] = ["var(--series-0)", "var(--series-1)"]; // training and validation of a run look alike
  expect(strokes).toEqual([float, float, ternary, ternary, float, float, ternary, ternary]);
});

test("without validation and examples their plots are left out", () => {
  const trained = history.map(({ epoch, loss, accuracy }) => ({ epoch, loss, accuracy }));
  const root = render({ runs: [{ name: "ternary", history: trained, seconds: 1 }], examples: [], layers: [] });
  expect(texts(root, "text")).toContain("ternary");
  expect(texts(root, "text")).not.toContain("ternary, validation");
  expect(plotTitles(root)).toEqual(["Loss", "Accuracy", "Memory of the parameters", "Confusion on the test set"]);
  expect(texts(root, "td").slice(0, 6)).toEqual(["ternary", "3", "0.333", "93.00%", "–", "–"]);
});

test("a training that diverged or never began has its report", () => {
  const diverged = history.map((epoch) => ({ ...epoch, loss: Number.NaN }));
  expect(texts(render({ runs: [{ name: "a", history: diverged, seconds: 1 }] }), "td")).toContain("n/a");
  const runs = [{ name: "a", history: [], seconds: 0 }];
  const nothing = render({ runs, memory: [], confusion: [], classes: [], examples: [] });
  expect(texts(nothing, "text")).toEqual(expect.arrayContaining(["no data", "no classes"]));
  expect(texts(nothing, "td").slice(0, 8)).toEqual(["a", "0", "–", "–", "–", "–", "0 s", "n/a"]);
});

test("a mistake between classes that do not exist is refused", () => {
  const image = grayscaleImage(Float32Array.of(0, 1), 2, 1);
  expect(() => render({ examples: [{ image, truth: 0, prediction: 2 }] })).toThrow(
    "a class must be an index below 2, got 2",
  );
});

test("a deep model folds its later histograms, many classes take the whole width", () => {
  const layers = Array.from({ length: 12 }, (_, i) => layer(`layers.${i}`));
  const deep = render({ layers });
  expect(plotTitles(deep)).toEqual(expect.arrayContaining(layers.map(({ name }) => name)));
  expect(texts(deep, "summary")[0]).toBe("Weights of 3 more layers");
  expect(plotTitles(elementsOf(deep, "details")[0])).toEqual(["layers.9", "layers.10", "layers.11"]);

  const classes = Array.from({ length: 35 }, (_, i) => `word ${i}`);
  const wide = render({ classes, confusion: classes.map((_, i) => classes.map((_, j) => (i === j ? 9 : 0))) });
  const alone = elementsOf(wide, "div").filter((element) => hasClass(element, "plots") && hasClass(element, "one"));
  expect(alone.flatMap(plotTitles)).toEqual(["Confusion on the test set"]);
});

test("no name can break out of the page", () => {
  const hostile = `"><script>alert(1)</script>`;
  const html = trainingReport({
    ...record,
    title: hostile,
    subtitle: hostile,
    runs: [{ name: hostile, history, seconds: 1, testAccuracy: 1, isBaseline: true }],
    layers: [layer(hostile)],
    memory: [{ layer: hostile, floatBytes: 1, packedBytes: 1 }],
    classes: [hostile, hostile],
    environment: { [hostile]: hostile },
    command: hostile,
    deployed: { ...deployed, backend: hostile },
  });
  expect(html).not.toContain("<script");
  expect(elementsOf(parseMarkup(html), "*").map(({ name }) => name)).not.toContain("script");
});
