/** ONNX Runtime, for the tests that compare with it. */
import type { TestContext } from "vitest";
import type { Shape } from "../../src/core/shape.ts";
import { needPackage } from "./peer-packages.ts";

/** What is used of onnxruntime-node. */
interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Session>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: Shape) => Tensor;
}

interface Session {
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  release(): Promise<void>;
}

/** An array of the runtime. */
interface Tensor {
  readonly data: Float32Array;
  readonly dims: Shape;
}

const ERRORS_ONLY = 3;

/** Runs a model of one input and one output on a processor; skips or fails the test where the runtime is absent. */
export async function runOnnx(
  context: TestContext,
  model: Uint8Array,
  input: Float32Array,
  shape: Shape,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Tensor> {
  const runtime = await needPackage<OnnxRuntime>(context, "onnxruntime-node");
  const session = await runtime.InferenceSession.create(model, { logSeverityLevel: ERRORS_ONLY, ...options });
  try {
    const { output } = await session.run({ input: new runtime.Tensor("float32", input, shape) });
    return output;
  } finally {
    await session.release();
  }
}
