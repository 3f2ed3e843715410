/** ONNX Runtime, for the tests that compare with it; it is one of the peers of the benches, which most checkouts lack. */
import { expect, type TestContext } from "vitest";
import { loadPackage } from "../../bench/peers/installed-package.ts";
import type { Shape } from "../../src/core/shape.ts";
import { isRequired } from "./programs.ts";

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

/** A package of `bench/peers`; the test is skipped where it is absent, and fails where `BITLINEAR_REQUIRE` names `peers`. */
export function needPeer<T>(context: TestContext, name: string): T {
  const loaded = loadPackage<T>(name);
  if ("package" in loaded) return loaded.package;
  const problem = `${name}: ${loaded.unavailable}`;
  if (isRequired("peers")) expect.fail(problem);
  return context.skip(problem);
}

/** Runs a model of one input and one output on a processor. */
export async function runOnnx(
  context: TestContext,
  model: Uint8Array,
  input: Float32Array,
  shape: Shape,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Tensor> {
  const runtime = needPeer<OnnxRuntime>(context, "onnxruntime-node");
  const session = await runtime.InferenceSession.create(model, { logSeverityLevel: ERRORS_ONLY, ...options });
  try {
    const { output } = await session.run({ input: new runtime.Tensor("float32", input, shape) });
    return output;
  } finally {
    await session.release();
  }
}
