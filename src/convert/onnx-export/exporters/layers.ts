/** Fully connected layers and convolutions. */
import { convolvedSize } from "../../../backends/backend.ts";
import type { TernaryMatrix } from "../../../core/ternary-matrix.ts";
import type { GraphNode } from "../../../runtime/graph.ts";
import { convolutionWindow, type Pair, type WindowGeometry } from "../../../runtime/images.ts";
import {
  activationRuleOf,
  floatTensor,
  integerAttribute,
  optionalFloatTensor,
  pairAttribute,
} from "../../../runtime/operation.ts";
import { convolution, linear, ternaryConvolution, ternaryLinear } from "../../../runtime/ops/index.ts";
import { activationCodes, type OnnxCodes } from "../activation-codes.ts";
import type { OnnxGraph, OnnxValue } from "../onnx-graph.ts";
import { planesOf } from "../ternary-planes.ts";
import type { Exporter } from "./exporter.ts";

/** Axes of an image, channels first: the token of a convolution. */
const IMAGE_AXES = [1, 2, 3];

/** Layers with weights. */
export const layers: readonly Exporter[] = [
  {
    operation: ternaryLinear,
    write(graph, node, [input], form) {
      const x = graph.channelsLast(input);
      const planes = planesOf(node);
      const { outFeatures } = planes[0];
      const encoded = activationCodes(graph, activationRuleOf(node), x.name, [-1]);
      const product = (plane: TernaryMatrix): string => form.product(graph, encoded.codes, plane);
      const sum = scaledSum(graph, planes, encoded, product, [outFeatures]);
      const shape = [...x.shape.slice(0, -1), outFeatures];
      return { name: withBias(graph, node, sum, [outFeatures]), shape, isChannelsFirst: false };
    },
  },
  {
    operation: ternaryConvolution,
    write(graph, node, [input]) {
      const x = graph.channelsFirst(input);
      const planes = planesOf(node);
      const { outFeatures: outChannels } = planes[0];
      const inChannels = integerAttribute(node, "inChannels", 1);
      const window = convolutionWindow(node, pairAttribute(node, "kernelSize", 1));
      const encoded = activationCodes(graph, activationRuleOf(node), x.name, IMAGE_AXES);
      const product = ({ trits }: TernaryMatrix): string => {
        const weight = graph.floats("trits", [outChannels, inChannels, ...window.kernelSize], Float32Array.from(trits));
        return convolve(graph, encoded.codes, weight, window);
      };
      const sum = scaledSum(graph, planes, encoded, product, [outChannels, 1, 1]);
      const name = withBias(graph, node, sum, [outChannels, 1, 1]);
      return { name, shape: windowedShape(x, window, outChannels), isChannelsFirst: true };
    },
  },
  {
    operation: linear,
    write(graph, node, [input]) {
      const x = graph.channelsLast(input);
      const { values, shape } = floatTensor(node, "weight", [null, null]);
      const [outFeatures, inFeatures] = shape;
      const columns = new Float32Array(values.length);
      for (let n = 0; n < outFeatures; n++) {
        for (let k = 0; k < inFeatures; k++) columns[k * outFeatures + n] = values[n * inFeatures + k];
      }
      const product = graph.op("MatMul", [x.name, graph.floats("weight", [inFeatures, outFeatures], columns)]);
      const name = withBias(graph, node, product, [outFeatures]);
      return { name, shape: [...x.shape.slice(0, -1), outFeatures], isChannelsFirst: false };
    },
  },
  {
    operation: convolution,
    write(graph, node, [input]) {
      const x = graph.channelsFirst(input);
      const { values, shape } = floatTensor(node, "weight", [null, null, null, null]);
      const [outChannels, , kernelHeight, kernelWidth] = shape;
      const window = convolutionWindow(node, [kernelHeight, kernelWidth]);
      const product = convolve(graph, x.name, graph.floats("weight", shape, values), window);
      const name = withBias(graph, node, product, [outChannels, 1, 1]);
      return { name, shape: windowedShape(x, window, outChannels), isChannelsFirst: true };
    },
  },
];

/**
 * Products of all planes, scaled and added: f32(acc · f32(s_x · s_w)), then the sums, in the order of the contract.
 *
 * @param shape of a constant with one value for each output
 */
function scaledSum(
  graph: OnnxGraph,
  planes: readonly TernaryMatrix[],
  { scale: codeScale }: OnnxCodes,
  product: (plane: TernaryMatrix) => string,
  shape: readonly number[],
): string {
  const terms = planes.map((plane) => {
    const { scales, outFeatures } = plane;
    // One for each row where nothing else is multiplied: optimizers fold a single number into the product before it.
    const isShared = scales.length === 1 && codeScale !== undefined;
    const all = scales.length === 1 ? new Float32Array(outFeatures).fill(scales[0]) : scales;
    const weightScale = isShared ? graph.scalar(scales[0]) : graph.floats("scales", shape, all);
    const scale = codeScale === undefined ? weightScale : graph.op("Mul", [codeScale, weightScale]);
    return graph.op("Mul", [product(plane), scale]);
  });
  return terms.reduce((sum, term) => graph.op("Add", [sum, term]));
}

/** @param shape of the bias, so that it meets the right axis */
function withBias(graph: OnnxGraph, node: GraphNode, sum: string, shape: readonly number[]): string {
  const bias = optionalFloatTensor(node, "bias", [shape[0]]);
  return bias ? graph.op("Add", [sum, graph.floats("bias", shape, bias.values)]) : sum;
}

function convolve(
  graph: OnnxGraph,
  x: string,
  weight: string,
  { kernelSize, stride, padding }: WindowGeometry,
): string {
  const attributes = { kernel_shape: kernelSize, strides: stride, pads: [...padding, ...padding] };
  return graph.op("Conv", [x, weight], { attributes });
}

function windowedShape(
  { shape }: OnnxValue,
  { kernelSize, stride, padding }: WindowGeometry,
  channels: number,
): OnnxValue["shape"] {
  const sizeOf = (axis: keyof Pair & (0 | 1)): number | null => {
    const size = shape[axis + 1];
    return size === null ? null : convolvedSize(size, kernelSize[axis], stride[axis], padding[axis]);
  };
  return [shape[0], sizeOf(0), sizeOf(1), channels];
}
