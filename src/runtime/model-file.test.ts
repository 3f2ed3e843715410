import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openBackend } from "../backends/index.ts";
import { FileError, UnsupportedError, UsageError } from "../core/errors.ts";
import { VERSION } from "../core/version.ts";
import { parseSafetensors, readFloat32, type TensorEntry, writeSafetensors } from "../files/index.ts";
import { formatById } from "../formats/index.ts";
import { DeployedModel } from "./deployed-model.ts";
import type { Graph, GraphNode } from "./graph.ts";
import { loadModel, modelToBytes, saveModel } from "./model-file.ts";

const matrix = { outFeatures: 2, inFeatures: 7, trits: Int8Array.from([1, 0, -1, 1, 1, 0, -1, 0, 0, 1, -1, -1, 1, 0]) };
const scales = Float32Array.of(0.5, 2);
const layer: GraphNode = {
  name: "layers.0",
  op: "ternary-linear",
  inputs: [0],
  attributes: { activation: "int8" },
  tensors: {
    weight: {
      kind: "ternary",
      format: "base3",
      outFeatures: 2,
      inFeatures: 7,
      bytes: formatById("base3").pack({ ...matrix, scales }),
      scales,
    },
    bias: { kind: "float32", shape: [2], values: Float32Array.of(1, -1) },
  },
};
const relu: GraphNode = { name: "relu", op: "activation", inputs: [1], attributes: { function: "relu" }, tensors: {} };
const graph: Graph = { nodes: [layer, relu], output: 2, inputShape: [7], metadata: { classes: "cat,dog" } };
const input = Float32Array.of(1, -2, 3, 0.5, 0.25, -1, 4);

let model: DeployedModel;
let folder: string;

beforeEach(async () => {
  model = await DeployedModel.open(graph);
  folder = await mkdtemp(join(tmpdir(), "bitlinear-model-"));
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await rm(folder, { recursive: true });
});

test("a model is saved to a path or a file URL, and loaded from every kind of source", async () => {
  const expected = await model.run(input);
  const path = join(folder, "model.safetensors");
  const url = pathToFileURL(join(folder, "ü #2.safetensors"));
  await saveModel(model, path);
  await saveModel(model, url);
  const bytes = new Uint8Array(await readFile(path));
  expect((await readdir(folder)).sort()).toEqual(["model.safetensors", "ü #2.safetensors"]);
  expect(new Uint8Array(await readFile(url))).toEqual(bytes);
  expect(modelToBytes(model)).toEqual(bytes);

  const sources = [path, url, url.href, bytes, bytes.buffer, new Blob([bytes]), new File([bytes], "m.safetensors")];
  for (const source of sources) {
    using loaded = await loadModel(source);
    expect(loaded.graph).toEqual(graph);
    expect(await loaded.run(input)).toEqual(expected);
    expect(loaded.backend).toBe(model.backend);
  }
});

test("a string that starts as a file URL is a target, too", async () => {
  await saveModel(model, pathToFileURL(join(folder, "a b")).href);
  expect(await readdir(folder)).toEqual(["a b"]);
});

test("a model is loaded from an http URL", async () => {
  const bytes = modelToBytes(model);
  vi.stubGlobal("fetch", async () => new Response(bytes));
  using loaded = await loadModel("https://example.org/model.safetensors");
  expect(loaded.graph).toEqual(graph);
});

test("the tensors lie in the file under the names of their nodes", () => {
  const { tensors, metadata } = parseSafetensors(modelToBytes(model));
  expect([...tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
    ["layers.0.bias", "F32", [2]],
    ["layers.0.weight.scales", "F32", [2]],
    ["layers.0.weight", "U8", [2, 2]],
  ]);
  expect(metadata.classes).toBe("cat,dog");
  expect(JSON.parse(metadata.bitlinear)).toEqual({
    version: 1,
    writtenBy: `bitlinear ${VERSION}`,
    inputShape: [7],
    nodes: [
      {
        name: "layers.0",
        op: "ternary-linear",
        inputs: [0],
        attributes: { activation: "int8" },
        tensors: [
          { name: "weight", kind: "ternary", format: "base3", outFeatures: 2, inFeatures: 7 },
          { name: "bias", kind: "float32", shape: [2] },
        ],
      },
      { name: "relu", op: "activation", inputs: [1], attributes: { function: "relu" }, tensors: [] },
    ],
    output: 2,
  });
});

test("metadata are kept, added to and replaced", async () => {
  using loaded = await loadModel(modelToBytes(model, { metadata: { classes: "a,b", note: "ü" } }));
  expect(loaded.metadata).toEqual({ classes: "a,b", note: "ü" });
  using again = await loadModel(modelToBytes(loaded));
  expect(again.metadata).toEqual(loaded.metadata);
  expect(() => modelToBytes(model, { metadata: { bitlinear: "x" } })).toThrow(UsageError);
  expect(() => modelToBytes(model, { metadata: { a: 1 as unknown as string } })).toThrow(UsageError);
});

test("equal models give equal bytes in whatever order their attributes came", async () => {
  const pool = (attributes: GraphNode["attributes"]): Promise<DeployedModel> =>
    DeployedModel.open({ nodes: [{ name: "0", op: "max-pool", inputs: [0], attributes, tensors: {} }], output: 1 });
  using one = await pool({ kernelSize: [2, 2], stride: [1, 1] });
  using other = await pool({ stride: [1, 1], kernelSize: [2, 2] });
  expect(modelToBytes(one)).toEqual(modelToBytes(other));
});

test("a loaded model does not change with the caller's bytes", async () => {
  const bytes = modelToBytes(model);
  using loaded = await loadModel(Buffer.from(bytes.buffer));
  bytes.fill(255);
  expect(await loaded.run(input)).toEqual(await model.run(input));
});

test("a backend may be named, given or left to the machine", async () => {
  const backend = { ...(await openBackend("reference")), id: "given" };
  for (const [options, id] of [
    [{ backend: "reference" }, "reference"],
    [{ backend }, "given"],
  ] as const) {
    using loaded = await loadModel(modelToBytes(model), options);
    expect(loaded.backend).toBe(id);
    expect(await loaded.run(input)).toEqual(await model.run(input));
  }
});

test("an aborted load rejects with the signal's reason, an unknown backend with the known ones", async () => {
  const reason = new Error("enough");
  await expect(loadModel(modelToBytes(model), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await expect(loadModel(modelToBytes(model), { backend: "abacus" })).rejects.toThrow(UnsupportedError);
});

test("without a file system the error says what to do instead", async () => {
  vi.stubGlobal("process", undefined); // as in a browser
  for (const target of ["model.safetensors", new URL("file:///model.safetensors")]) {
    const saving = saveModel(model, target);
    await expect(saving).rejects.toThrow(UnsupportedError);
    await expect(saving).rejects.toThrow(/Blob\(\[modelToBytes\(model\)\]\)/);
  }
  using loaded = await loadModel(new Blob([modelToBytes(model)]));
  expect(loaded.graph).toEqual(graph);
});

test.each([
  ["https://example.org/m", UnsupportedError],
  [new URL("https://example.org/m"), UnsupportedError],
  [new Blob([]) as unknown as string, UnsupportedError],
  ["http://[", FileError],
  ["/nowhere/at/all", FileError],
])("nothing is saved to %s", async (target, type) => {
  await expect(saveModel(model, target)).rejects.toThrow(type);
});

test("a model that no file may hold is not written, and an older file stays", async () => {
  const path = join(folder, "model");
  await saveModel(model, path);
  const before = await readFile(path);
  const bias = { kind: "float32", shape: [2], values: Float32Array.of(0, Number.NaN) } as const;
  const nodes = [{ ...layer, tensors: { ...layer.tensors, bias } }, relu];
  using diverged = await DeployedModel.open({ ...graph, nodes });
  const saving = saveModel(diverged, path);
  await expect(saving).rejects.toThrow(FileError);
  await expect(saving).rejects.toThrow(/tensor "layers\.0\.bias", byte \d+: a weight must be a finite number, got NaN/);
  expect(await readFile(path)).toEqual(before);
  expect(await readdir(folder)).toEqual(["model"]);
});

/** The file with its architecture, tensors or metadata replaced; nothing is checked on the way but by safetensors. */
function damaged(
  change: (architecture: Record<string, unknown> & { nodes: Record<string, unknown>[] }) => unknown,
  changeTensor: (tensor: TensorEntry) => TensorEntry | TensorEntry[] = (tensor) => tensor,
): Uint8Array<ArrayBuffer> {
  const { tensors, metadata } = parseSafetensors(modelToBytes(model));
  const architecture = JSON.parse(metadata.bitlinear);
  const text = change(architecture) ?? architecture;
  const bitlinear = typeof text === "string" ? text : JSON.stringify(text);
  return writeSafetensors([...tensors.values()].flatMap(changeTensor), { ...metadata, bitlinear });
}

/** Changes the value of a tensor's element. */
function withFloat(name: string, index: number, value: number): (tensor: TensorEntry) => TensorEntry {
  return (tensor) => {
    if (tensor.name !== name) return tensor;
    const values = readFloat32(tensor, "").slice();
    values[index] = value;
    return { ...tensor, bytes: new Uint8Array(values.buffer) };
  };
}

const keep = (): void => {};
const tensorsOf = (architecture: { nodes: Record<string, unknown>[] }): Record<string, unknown>[] =>
  architecture.nodes[0].tensors as Record<string, unknown>[];

test.each<[string, Parameters<typeof damaged>, RegExp]>([
  ["no version", [(a) => ({ ...a, version: undefined })], /must say its version, which is missing/],
  [
    "a newer version",
    [(a) => ({ ...a, version: 2, writtenBy: "bitlinear 3.1" })],
    /written by version 2 \(by "bitlinear 3\.1"\); this release reads 1: update bitlinear/,
  ],
  ["an older version", [(a) => ({ ...a, version: 0 })], /written by version 0 .*this release reads 1: save the model/],
  ["a version of text", [(a) => ({ ...a, version: "1" })], /bitlinear\.version must be a whole number .*, got "1"/],
  ["broken JSON", [() => `{"version":1,`], /the text of bitlinear is not valid JSON/],
  ["a list", [() => "[]"], /bitlinear must be an object of at most \d+ members, got a list of 0 items/],
  ["an unknown member", [(a) => ({ ...a, extra: 1 })], /bitlinear has version, .*, got "extra"/],
  ["a missing member", [(a) => ({ ...a, output: undefined })], /bitlinear must have output, which is missing/],
  [
    "an unknown operation",
    [(a) => Object.assign(a.nodes[1], { op: "relu6" }) && a],
    /relu6 "relu": there is no operation "relu6"; known: ternary-linear, /,
  ],
  [
    "an unknown format",
    [(a) => Object.assign(tensorsOf(a)[0], { format: "q4" }) && a],
    /tensor "layers\.0\.weight".*: there is no format "q4"; choose one of: base3, i2/,
  ],
  [
    "a format with scales inside the bytes",
    [(a) => Object.assign(tensorsOf(a)[0], { format: "tq2_0" }) && a],
    /tensor "layers\.0\.weight".*: model files cannot hold the format "tq2_0".*choose one of: base3, i2/,
  ],
  ["a name that occurs twice", [(a) => Object.assign(a.nodes[1], { name: "layers.0" }) && a], /two nodes are called/],
  [
    "a value read before it exists",
    [(a) => Object.assign(a.nodes[0], { inputs: [2] }) && a],
    /node "layers\.0" reads value 2/,
  ],
  [
    "a negative value",
    [(a) => Object.assign(a.nodes[0], { inputs: [-1] }) && a],
    /nodes\[0\]\.inputs\[0\] must be a whole/,
  ],
  ["an output that nobody computes", [(a) => ({ ...a, output: 3 })], /the output is value 3/],
  [
    "too few inputs",
    [(a) => Object.assign(a.nodes[1], { inputs: [] }) && a],
    /activation "relu": it reads 1 value, got 0/,
  ],
  [
    "an attribute of a wrong type",
    [(a) => Object.assign(a.nodes[0], { attributes: { activation: { x: 1 } } }) && a],
    /nodes\[0\]\.attributes\.activation must be a number, a text, .*, got an object of 1 members/,
  ],
  [
    "an unknown activation rule",
    [(a) => Object.assign(a.nodes[0], { attributes: { activation: "int9" } }) && a],
    /ternary-linear "layers\.0": there is no activation rule "int9"/,
  ],
  [
    "a tensor of a name with an underscore first",
    [(a) => Object.assign(tensorsOf(a)[1], { name: "__proto__" }) && a],
    /must be made of names/,
  ],
  [
    "a tensor twice",
    [(a) => tensorsOf(a).push(tensorsOf(a)[1]) && a],
    /nodes\[0\]\.tensors\[2\] must be of another name/,
  ],
  [
    "a tensor of an unknown kind",
    [(a) => Object.assign(tensorsOf(a)[1], { kind: "float64" }) && a],
    /kind must be "float32" or "ternary"/,
  ],
  [
    "weights of astronomic size",
    [(a) => Object.assign(tensorsOf(a)[0], { outFeatures: 2 ** 40, inFeatures: 2 ** 40 }) && a],
    /tensor "layers\.0\.weight".*: expected U8 \[1099511627776, 219902325556\], got U8 \[2, 2\]/,
  ],
  [
    "a row more than there is",
    [(a) => Object.assign(tensorsOf(a)[0], { outFeatures: 3 }) && a],
    /tensor "layers\.0\.weight".*: expected U8 \[3, 2\], got U8 \[2, 2\]/,
  ],
  [
    "a float tensor of another shape",
    [(a) => Object.assign(tensorsOf(a)[1], { shape: [2, 1] }) && a],
    /tensor "layers\.0\.bias".*: expected F32 \[2, 1\], got F32 \[2\]/,
  ],
  [
    "a shape that the operation cannot take",
    [
      (a) => Object.assign(tensorsOf(a)[1], { shape: [1, 2] }) && a,
      (tensor) => (tensor.name === "layers.0.bias" ? { ...tensor, shape: [1, 2] } : tensor),
    ],
    /ternary-linear "layers\.0": tensor bias must be float32 \[2\], got \[1, 2\]/,
  ],
  [
    "a tensor of another type",
    [keep, (tensor) => (tensor.name === "layers.0.bias" ? { ...tensor, dtype: "I32" } : tensor)],
    /tensor "layers\.0\.bias".*: expected F32 \[2\], got I32 \[2\]/,
  ],
  [
    "a missing tensor",
    [keep, (tensor) => (tensor.name === "layers.0.bias" ? [] : tensor)],
    /tensor "layers\.0\.bias": a node needs this tensor, which is missing/,
  ],
  [
    "missing scales",
    [keep, (tensor) => (tensor.name.endsWith(".scales") ? [] : tensor)],
    /tensor "layers\.0\.weight\.scales": a node needs this tensor/,
  ],
  [
    "a tensor that nobody uses",
    [keep, (tensor) => [tensor, { ...tensor, name: `${tensor.name}.more` }]],
    /tensor "layers\.0\.bias\.more", byte \d+: no node uses it, nor 2 others/,
  ],
  [
    "a code that stands for no trits",
    [keep, (tensor) => (tensor.dtype === "U8" ? { ...tensor, bytes: Uint8Array.of(121, 121, 121, 250) } : tensor)],
    /tensor "layers\.0\.weight", byte \d+: base3: byte 3 holds 250, which stands for no trits/,
  ],
  [
    "a weight of NaN",
    [keep, withFloat("layers.0.bias", 1, Number.NaN)],
    /tensor "layers\.0\.bias", byte \d+: .*got NaN/,
  ],
  [
    "an infinite weight",
    [keep, withFloat("layers.0.bias", 0, -1 / 0)],
    /tensor "layers\.0\.bias", byte \d+: .*-Infinity/,
  ],
  [
    "a scale of NaN",
    [keep, withFloat("layers.0.weight.scales", 0, Number.NaN)],
    /scales", byte \d+: a scale must be .*NaN/,
  ],
  [
    "an infinite scale",
    [keep, withFloat("layers.0.weight.scales", 1, 1 / 0)],
    /scales", byte \d+: a scale must be .*Infinity/,
  ],
  [
    "a scale too small",
    [keep, withFloat("layers.0.weight.scales", 1, 1e-38)],
    /scales", byte \d+: a scale must be .*9.9/,
  ],
])("a file with %s is refused, and says where", async (_, [change, changeTensor], message) => {
  const path = join(folder, "damaged.safetensors");
  await writeFile(path, damaged(change, changeTensor));
  const loading = loadModel(path);
  await expect(loading).rejects.toThrow(FileError);
  await expect(loading).rejects.toThrow(message);
  await expect(loading).rejects.toMatchObject({ file: path });
});

test("the byte of a value that is not allowed is the byte of the file", async () => {
  const bytes = damaged(keep, withFloat("layers.0.bias", 1, Number.POSITIVE_INFINITY));
  const error: unknown = await loadModel(bytes).catch((caught: unknown) => caught);
  const offset = (error as FileError).offset ?? -1;
  expect(new DataView(bytes.buffer).getFloat32(offset, true)).toBe(Number.POSITIVE_INFINITY);
});

test("weights without a model say how they are loaded", async () => {
  const weights = writeSafetensors([], { format: "pt" });
  await expect(loadModel(weights)).rejects.toThrow(/expected the text bitlinear .* loadStateDict/);
  await expect(loadModel(weights)).rejects.toThrow(FileError);
});
