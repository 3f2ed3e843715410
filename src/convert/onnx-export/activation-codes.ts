/** The activation rules in ONNX's operations. */
import type { ActivationRule } from "../../activation-rules/index.ts";
import { UnsupportedError } from "../../core/errors.ts";
import { reciprocal } from "./exact-steps.ts";
import type { OnnxGraph } from "./onnx-graph.ts";

/** Codes of tokens. */
export interface OnnxCodes {
  readonly codes: string;
  /** With the axes of the token at size 1; undefined where it is 1. */
  readonly scale: string | undefined;
}

type Encode = (graph: OnnxGraph, x: string, axes: readonly number[]) => OnnxCodes;

const LEVELS = 127;

/**
 * By rule. Each step is one float32 operation of the contract, so codes and scales are equal in all bits: quotient, product
 * and largest value are defined by IEEE 754, and ONNX's `Round` takes halves to the even number. Codes need no clipping: the
 * roundings bring |x| · inverse to at most 127 · (1 + 2⁻²⁴)³, which rounds to 127.
 */
const encoders: Readonly<Record<string, Encode>> = {
  int8(graph, x, axes) {
    const largest = graph.op("ReduceMax", [graph.op("Abs", [x])], { attributes: { axes, keepdims: 1 } });
    const maximum = graph.op("Max", [largest, graph.scalar(Math.fround(1e-5))]);
    const inverse = graph.op("Mul", [reciprocal(graph, maximum), graph.scalar(LEVELS)]);
    const codes = graph.op("Round", [graph.op("Mul", [x, inverse])]);
    return { codes, scale: graph.op("Mul", [maximum, graph.scalar(Math.fround(1 / LEVELS))]) };
  },
  none: (_, x) => ({ codes: x, scale: undefined }),
  sign(graph, x) {
    const isPositive = graph.op("GreaterOrEqual", [x, graph.scalar(0)]);
    return { codes: graph.op("Where", [isPositive, graph.scalar(1), graph.scalar(-1)]), scale: undefined };
  },
};

/** Codes of an input whose tokens lie along the given axes. @throws UnsupportedError for a rule that is not in ONNX yet */
export function activationCodes(graph: OnnxGraph, rule: ActivationRule, x: string, axes: readonly number[]): OnnxCodes {
  if (Object.hasOwn(encoders, rule.id)) return encoders[rule.id](graph, x, axes);
  const known = Object.keys(encoders).join(", ");
  throw new UnsupportedError(`the activation rule ${rule.id} cannot be written as ONNX; these can: ${known}`);
}
