/** `bitlinear export`: a saved model becomes an ONNX file that other programs run. */
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openOnnx } from "../../src/files/onnx/index.ts";
import { BitLinear, Linear, RMSNorm, relu, Sequential } from "../../src/nn/index.ts";
import { saveModel } from "../../src/runtime/model-file.ts";
import { runOnnx } from "../support/onnx-runtime.ts";
import { type CliResult, jsonLines, runCli } from "../support/run-cli.ts";

let folder: string;
const file = (name: string): string => join(folder, name);
const cli = (...args: string[]): Promise<CliResult> => runCli(args, { cwd: folder });
const x = Float32Array.from({ length: 3 * 200 }, (_, i) => Math.sin(i * i));
let expected: Float32Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-export-"));
  const backend = "reference";
  using model = await new Sequential(new BitLinear(200, 64), new RMSNorm(64), relu, new BitLinear(64, 10)).deploy({
    backend,
  });
  await saveModel(model, file("model.safetensors"), { metadata: { classes: '["a","b"]' } });
  expected = await model.run(x);
  using head = await new Sequential(new Linear(3, 2)).deploy({ backend });
  await saveModel(head, file("head.safetensors"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("a model is written, told about, and gives the same bits in ONNX Runtime", async (context) => {
  const result = await cli("export", "model.safetensors", "model.onnx", "--json");
  expect(result).toMatchObject({ code: 0, stderr: "" });
  const { size } = await stat(file("model.onnx"));
  expect(jsonLines(result)).toEqual([
    expect.objectContaining({ onnx: "model.onnx", weights: "float32", bytes: size, isExact: true }),
  ]);
  await using reader = await openOnnx(file("model.onnx"));
  expect([reader.producer, reader.metadata.get("classes")]).toEqual(["bitlinear", '["a","b"]']);
  const { data, dims } = await runOnnx(context, await readFile(file("model.onnx")), x, [3, 200]);
  expect([dims, data]).toEqual([[3, 10], expected]);
});

test("packed weights make a smaller file, and a line says whether bits are equal", async () => {
  const packed = await cli("export", "model.safetensors", "packed.onnx", "--weights", "matmulnbits");
  expect(packed).toMatchObject({ code: 0, stderr: "" });
  expect(packed.stdout).toMatch(/packed\.onnx .*weights as matmulnbits\n.*the same bits/);
  await cli("export", "model.safetensors", "plain.onnx");
  expect((await stat(file("packed.onnx"))).size).toBeLessThan((await stat(file("plain.onnx"))).size / 3);
  const head = await cli("export", "head.safetensors", "head.onnx");
  expect(head.stdout).toMatch(/may differ by the rounding of float sums/);
});

test.each<[string[], number, RegExp]>([
  [["export", "model.safetensors"], 2, /FILE\.onnx/],
  [["export", "absent.safetensors", "a.onnx"], 1, /no such file/],
  [["export", "model.safetensors", "model.safetensors"], 2, /is also MODEL, which it would destroy/],
  [["export", "model.safetensors", "no/folder/a.onnx"], 1, /there is no folder/],
  [["export", "model.safetensors", "a.onnx", "--weights", "int4"], 2, /takes one of float32, matmulnbits/],
])("%j is refused", async (args, code, message) => {
  const result = await cli(...args);
  expect(result.code).toBe(code);
  expect(result.stderr).toMatch(message);
});
