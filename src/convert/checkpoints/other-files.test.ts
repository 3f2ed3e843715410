/** Files of NumPy and ONNX as checkpoints: the weights of layers as [out, in], and what is no weight. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { BitLinear, Conv2d, Flatten, Linear, relu, Sequential } from "../../nn/index.ts";
import { exportOnnx, weightForms } from "../onnx-export/index.ts";
import { type CheckpointTensor, openCheckpoint } from "./index.ts";

const numpy = join(import.meta.dirname, "../../../test/golden/numpy/compressed.npz");

test("arrays of NumPy are floats by rows, and F16 is kept as F32", async () => {
  await using checkpoint = await openCheckpoint(numpy);
  expect(checkpoint.kind).toBe("npz");
  const kinds = [...checkpoint.tensors.values()].map(({ name, kind }) => [name, kind]);
  expect(Object.fromEntries(kinds)).toMatchObject({ "layers.0.weight": "float", steps: "other", empty: "other" });
  const weight = checkpoint.tensors.get("layers.0.weight");
  if (weight?.kind !== "float") throw new Error("the weight is not float");
  expect(weight.matrix).toEqual({ outFeatures: 3, inFeatures: 4 });
  expect(await weight.readRows(1, 2)).toEqual(Float32Array.of(0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75));
  const half = checkpoint.tensors.get("layers.0.half");
  expect(half?.stored).toMatchObject({ elementType: "F32", byteLength: 16 });
  expect(await half?.stored?.read(4, 8)).toEqual(Uint8Array.of(0, 0, 0, 0xc0)); // -2
});

test.each(weightForms.map(({ id }) => id))(
  "weights of ONNX layers in the form %s are those of the layers",
  async (weights) => {
    const layers = new Sequential(
      new Conv2d(1, 2, 3),
      relu,
      new Flatten(),
      new Linear(8, 16),
      new BitLinear(16, 4, { activation: "none" }),
    );
    using model = await layers.deploy({ inputShape: [4, 4, 1] });
    await using checkpoint = await openCheckpoint(exportOnnx(model, { weights }));
    expect(checkpoint.kind).toBe("onnx");
    const matrices = await Promise.all([...checkpoint.tensors.values()].filter(isWeight).map(readAll));
    const [convolution, linear] = [layers.layers[0] as Conv2d, layers.layers[3] as Linear];
    expect(matrices).toContainEqual({ shape: [2, 9], values: convolution.weight.value });
    expect(matrices).toContainEqual({ shape: [16, 8], values: linear.weight.value });
    expect(checkpoint.findings).toContainEqual(expect.stringContaining("trits without their scales"));
  },
);

function isWeight(tensor: CheckpointTensor): tensor is Exclude<CheckpointTensor, { kind: "other" }> {
  return tensor.kind === "ternary" || (tensor.kind === "float" && tensor.isConstant !== true);
}

async function readAll(tensor: Exclude<CheckpointTensor, { kind: "other" }>) {
  const { outFeatures, inFeatures } = tensor.matrix;
  const shape = [outFeatures, inFeatures];
  if (tensor.kind === "float") return { shape, values: await tensor.readRows(0, outFeatures) };
  const [{ scales, unpackRows }] = await tensor.readPlanes();
  return { shape, values: Float32Array.from(unpackRows(0, outFeatures), (trit) => trit * scales[0]) };
}
