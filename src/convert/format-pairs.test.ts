/** Every format of every target to every other: the same trits and scales, and a report that says so. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RandomSource } from "../core/random.ts";
import { tensorEntry, writeFileAtomic, writeSafetensors } from "../files/index.ts";
import { diffCheckpoints } from "./diff-checkpoints.ts";
import { convertFile, targets } from "./index.ts";

const choices = targets.flatMap(({ id: to, formats, extensions, readOptions }) =>
  formats.map(({ id: format }) => ({ to, format, file: `${to}-${format}${extensions[0]}`, readOptions })),
);
const shape = [64, 512];
const SCALE = 0.125; // any format holds it: one scale, exact as float16

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-pairs-"));
  const random = new RandomSource(11);
  const weights = Float32Array.from({ length: 64 * 512 }, () => (random.integer(3) - 1) * SCALE);
  const norm = Float32Array.from({ length: 512 }, () => random.normal());
  const tensors = [tensorEntry("up.weight", shape, weights), tensorEntry("norm.weight", [512], norm)];
  await writeFileAtomic(join(folder, "float.safetensors"), writeSafetensors(tensors));
  for (const { file, ...options } of choices) await convert("float.safetensors", file, options);
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

function convert(from: string, out: string, options: object) {
  return convertFile(join(folder, from), join(folder, out), options);
}

test.each(choices)(
  "$file gives every other one, without loss",
  async ({ file, readOptions }) => {
    for (const { to, format, file: other } of choices) {
      const out = `from-${file}-${other}`;
      const report = await convert(file, out, { to, format, ...readOptions });
      expect(report.isLossless, out).toBe(true);
      const found = await diffCheckpoints(join(folder, other), join(folder, out), { linearClass: "autobitlinear" });
      expect(found.tensors.map(({ status }) => status).filter((status) => !status.startsWith("equal"))).toEqual([]);
      expect(found).toMatchObject({ isWithinTolerance: true, largestError: 0 });
    }
  },
  60_000,
);

test.each(choices)("$file multiplied out is the float file again", async ({ file, readOptions }) => {
  await convert(file, `back-${file}.safetensors`, { float: true, ...readOptions });
  const found = await diffCheckpoints(join(folder, "float.safetensors"), join(folder, `back-${file}.safetensors`));
  expect(found.tensors.map(({ status }) => status)).toEqual(["equal bytes", "equal bytes"]);
});
