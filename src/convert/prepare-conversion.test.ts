/** Plans before they are carried out: calibration inputs find their layers, and bytes go where they save most. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { zipFile } from "../../test/support/zip-file.ts";
import { RandomSource } from "../core/random.ts";
import { tensorEntry, writeFileAtomic, writeNpy, writeSafetensors } from "../files/index.ts";
import { convertFile } from "./convert-file.ts";
import { SecondMoments } from "./fitting/index.ts";
import { type PrepareOptions, prepareConversion } from "./prepare-conversion.ts";

let folder: string;
let source: string;
const random = new RandomSource(4);
const normal = (count: number) => Float32Array.from({ length: count }, () => random.normal());
const levels = (count: number) => Float32Array.from({ length: count }, () => random.integer(3) - 1);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-prepare-"));
  source = join(folder, "float.safetensors");
  const tensors = [
    tensorEntry("a.weight", [40, 60], normal(40 * 60)),
    tensorEntry("b.weight", [40, 40], levels(40 * 40)), // one plane holds it
    tensorEntry("c.weight", [30, 40], normal(30 * 40)),
    tensorEntry("c.bias", [30], normal(30)),
  ];
  await writeFileAtomic(source, writeSafetensors(tensors));
  await writeFileAtomic(join(folder, "x.npy"), writeNpy(normal(200 * 60), [10, 20, 60]));
  await writeFileAtomic(join(folder, "shared.npy"), writeNpy(normal(200 * 40), [200, 40]));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Planes of each fitted layer, and whether they are calibrated. */
async function planned(options: PrepareOptions) {
  await using prepared = await prepareConversion(source, "out.safetensors", options);
  const { tensors, notes } = prepared.plan;
  const layers = tensors.flatMap(({ name, action }) =>
    action.kind === "fit" ? [[name, { planes: action.planes, isCalibrated: action.isCalibrated === true }]] : [],
  );
  const bytes = tensors.reduce((sum, { bytesAfter }) => sum + bytesAfter, 0);
  return { layers: Object.fromEntries(layers), notes, bytes, curves: prepared.curves };
}

test("inputs belong to the only layer of their width", async () => {
  const { layers, notes } = await planned({ calibration: join(folder, "x.npy") });
  expect(layers["a.weight"].isCalibrated).toBe(true);
  expect(layers["c.weight"].isCalibrated).toBe(false);
  expect(notes).toContainEqual(expect.stringContaining("2 layers have no calibration inputs"));
  const shared = planned({ calibration: join(folder, "shared.npy") });
  await expect(shared).rejects.toThrow("2 layers take 40 inputs: give an .npz with an array for each layer");
});

test("planes that are fitted to inputs lose less of the outputs", async () => {
  const moments = new SecondMoments(60);
  moments.add(normal(300 * 60).map((value, i) => value * (1 + (i % 60)))); // some inputs are much larger than others
  const out = join(folder, "calibrated.safetensors");
  const report = await convertFile(source, out, { calibration: new Map([["a.weight", moments]]) });
  const [{ outputError = 1, dataFreeOutputError = 0 }] = report.layers;
  expect(outputError).toBeLessThan(dataFreeOutputError);
  const unknown = convertFile(source, out, { calibration: new Map([["z.weight", moments]]) });
  await expect(unknown).rejects.toThrow('"z.weight" is no tensor of the model');
  const oneScale = convertFile(source, join(folder, "o.safetensors"), {
    ...{ calibration: join(folder, "x.npy"), to: "hf-bitnet" },
  });
  await expect(oneScale).rejects.toThrow("calibrated planes have a scale per row");
});

test("inputs in memory belong to a weight or its module, and to what was made of them", async () => {
  const moments = (factor: number) => {
    const inputs = new SecondMoments(60);
    inputs.add(Float32Array.from({ length: 600 }, (_, i) => factor * (i % 7)));
    return new Map([["a", inputs]]);
  };
  expect((await planned({ calibration: moments(1) })).layers["a.weight"].isCalibrated).toBe(true);
  await using first = await prepareConversion(source, undefined, { calibration: moments(1) });
  await using second = await prepareConversion(source, undefined, { calibration: moments(2) });
  expect(first.calibration?.identity).not.toBe(second.calibration?.identity);
  const narrow = planned({ calibration: new Map([["a", new SecondMoments(59)]]) });
  await expect(narrow).rejects.toThrow("a.weight takes 60 inputs, and its calibration inputs have 59");
});

test("inputs of layers that stay as they are do no harm", async () => {
  const arrays = [
    { name: "a.npy", bytes: writeNpy(normal(200 * 60), [200, 60]) },
    { name: "c.weight.npy", bytes: writeNpy(normal(200 * 40), [200, 40]) },
  ];
  const calibration = join(folder, "all.npz");
  await writeFileAtomic(calibration, zipFile(arrays));
  const { layers, notes } = await planned({ calibration, skip: ["c.*"] });
  expect(notes).toContain("inputs of tensors that stay as they are were not used: c.weight");
  expect(layers["a.weight"].isCalibrated).toBe(true);
  const moments = new Map([["c.weight", new SecondMoments(40)]]);
  expect((await planned({ calibration: moments, skip: ["c.*"] })).layers["a.weight"].isCalibrated).toBe(false);
});

test("bytes go to layers that gain from them", async () => {
  const one = await planned({ planes: 1 });
  const { layers, bytes, curves } = await planned({ budget: one.bytes + 1000 });
  expect(layers["b.weight"].planes).toBe(1);
  expect(layers["a.weight"].planes).toBeGreaterThan(1);
  expect(bytes).toBeLessThanOrEqual(one.bytes + 1000);
  for (const { errors } of curves) expect(errors).toEqual(errors.toSorted((a, b) => b - a));
  const fixed = await planned({ bits: 7, rules: [{ pattern: "a.*", planes: 1 }] });
  expect(fixed.layers["a.weight"].planes).toBe(1);
  expect(fixed.layers["c.weight"].planes).toBe(4);
  await expect(planned({ budget: 50 })).rejects.toThrow("all other tensors take 120 B, and one plane of each layer");
  await expect(planned({ bits: 1 })).rejects.toThrow(/takes 2\.\d+ bits per weight.* 1 is too few/);
});

test("a plan says what it leaves undone", async () => {
  const notes = async (options: PrepareOptions) => (await planned(options)).notes;
  const tall = join(folder, "tall.gguf");
  await using prepared = await prepareConversion(source, tall, { skip: ["c.bias"] });
  expect(prepared.plan.notes).toEqual([
    "3 layers stay as they are, because tq2_0 cannot hold the shape: a.weight, b.weight, c.weight",
    "no tensor becomes ternary; the plan tells why (--dry-run)",
  ]);
  expect(await notes({ include: ["c.bias"], bits: 2 })).toEqual([
    "no tensor becomes ternary; the plan tells why (--dry-run)",
    "no weights become ternary, so bits choose nothing",
  ]);
  expect(await notes({ float: true })).toEqual(["nothing was ternary: all tensors stay as they are"]);
  const ternary = join(folder, "ternary.safetensors");
  await convertFile(source, ternary);
  await using again = await prepareConversion(ternary, join(folder, "again.safetensors"), { planes: 2 });
  expect(again.plan.notes).toEqual(["all weights are ternary already and keep their planes: no others are made"]);
});

test("a plan says that keys of a GGUF file get lost", async () => {
  const golden = join(import.meta.dirname, "../../test/golden/llama-cpp/llama_tied-tq2_0.gguf");
  await using toCheckpoint = await prepareConversion(golden, join(folder, "o.safetensors"));
  expect(toCheckpoint.plan.notes).toContainEqual(expect.stringMatching(/^\d+ keys of the GGUF file have no place/));
  await using toGguf = await prepareConversion(golden, join(folder, "o.gguf"), { format: "tq1_0" });
  expect(toGguf.plan.notes).toEqual([]);
});
