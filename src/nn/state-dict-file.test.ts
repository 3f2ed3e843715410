import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileError, ShapeError, UnsupportedError } from "../core/errors.ts";
import { parseSafetensors, type TensorEntry, tensorEntry, writeSafetensors } from "../files/index.ts";
import { BatchNorm } from "./modules/batch-norm.ts";
import { Linear } from "./modules/linear.ts";
import { Sequential } from "./modules/sequential.ts";
import { loadStateDictFile, saveStateDict } from "./state-dict-file.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "state-dict-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const create = (seed: number): Sequential => new Sequential(new Linear(3, 2, { seed }), new BatchNorm(2));

/** What PyTorch's own writer gives for a linear layer and a batch norm. */
const pytorchTensors = (): TensorEntry[] => [
  tensorEntry("0.weight", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)),
  tensorEntry("0.bias", [2], Float32Array.of(7, 8)),
  tensorEntry("1.weight", [2], Float32Array.of(9, 10)),
  tensorEntry("1.bias", [2], Float32Array.of(11, 12)),
  tensorEntry("1.running_mean", [2], Float32Array.of(13, 14)),
  tensorEntry("1.running_var", [2], Float32Array.of(15, 16)),
  { name: "1.num_batches_tracked", dtype: "I64", shape: [], bytes: new Uint8Array(8) },
];

test("a module or a state comes back from a file, by path, URL, Blob and bytes", async () => {
  const model = create(1);
  const path = join(folder, "model.safetensors");
  await saveStateDict(model, path, { note: "a test" });
  const bytes = await readFile(path);
  expect(parseSafetensors(bytes).metadata).toEqual({ note: "a test" });
  for (const source of [path, pathToFileURL(path), new Blob([bytes]), bytes]) {
    const state = await loadStateDictFile(source);
    expect(state).toEqual(model.stateDict());
  }
  await saveStateDict(model.stateDict(), pathToFileURL(path));
  expect(await loadStateDictFile(path)).toEqual(model.stateDict());
  await saveStateDict(model.stateDict(), pathToFileURL(path).href);
  const other = create(2);
  other.loadStateDict(await loadStateDictFile(path));
  expect(other.stateDict()).toEqual(model.stateDict());
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("a file as PyTorch writes it loads strictly", async () => {
  const model = create(1);
  model.loadStateDict(await loadStateDictFile(writeSafetensors(pytorchTensors(), { format: "pt" })));
  const { "0.weight": weight, "1.runningMean": mean, "1.runningVar": variance } = model.stateDict();
  expect([...weight.data]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...mean.data, ...variance.data]).toEqual([13, 14, 15, 16]);
});

test("half precision is widened, double precision rounded", async () => {
  const entry = (name: string, dtype: TensorEntry["dtype"], values: ArrayBufferView): TensorEntry => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { name, dtype, shape: [2], bytes };
  };
  const file = writeSafetensors([
    entry("half", "F16", Uint16Array.of(0x3c00, 0xc000)),
    entry("brain", "BF16", Uint16Array.of(0x3f80, 0xc000)),
    entry("double", "F64", Float64Array.of(0.1, -2)),
  ]);
  const state = await loadStateDictFile(file);
  expect([...state.half.data]).toEqual([1, -2]);
  expect([...state.brain.data]).toEqual([1, -2]);
  expect([...state.double.data]).toEqual([Math.fround(0.1), -2]);
});

test("the state does not share memory with the bytes it was read from", async () => {
  const bytes = writeSafetensors(pytorchTensors());
  const state = await loadStateDictFile(bytes);
  bytes.fill(0);
  expect([...state["0.bias"].data]).toEqual([7, 8]);
});

test("damaged files and tensors that are no floats are refused by name", async () => {
  const bytes = writeSafetensors(pytorchTensors());
  for (const length of [0, 7, 100, bytes.length - 1]) {
    await expect(loadStateDictFile(bytes.slice(0, length))).rejects.toThrow(FileError);
  }
  const integers = writeSafetensors([tensorEntry("ids", [2], Int32Array.of(1, 2))]);
  await expect(loadStateDictFile(integers)).rejects.toThrow(/"ids".*expected F32, F16, BF16, F64, got I32/);
  await expect(loadStateDictFile(join(folder, "absent"))).rejects.toThrow(FileError);
});

test("names that mean something to JavaScript are names like others", async () => {
  const state = await loadStateDictFile(writeSafetensors([tensorEntry("__proto__", [1], Float32Array.of(1))]));
  expect(Object.keys(state)).toEqual(["__proto__"]);
  expect(() => create(1).loadStateDict(state)).toThrow("extra: __proto__");
});

test("data that do not match their shape leave the file that is there", async () => {
  const path = join(folder, "kept.safetensors");
  await saveStateDict(create(1), path);
  const before = await readFile(path);
  await expect(saveStateDict({ w: { shape: [3], data: new Float32Array(2) } }, path)).rejects.toThrow(ShapeError);
  expect(await readFile(path)).toEqual(before);
});

test("a state is saved to files only", async () => {
  const saving = saveStateDict(create(1), new URL("https://example.org/m"));
  await expect(saving).rejects.toThrow(UnsupportedError);
  await expect(saving).rejects.toThrow("files are saved to a path or a file: URL, got one of https:");
});
