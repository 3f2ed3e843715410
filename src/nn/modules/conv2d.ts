/** The float32 convolution over images. */
import { checkSize } from "../../core/shape.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { convolution } from "../../runtime/ops/index.ts";
import { lift, type Parameter, type Tensor } from "../../tensor/index.ts";
import { floatTensors } from "../deploy.ts";
import { initialWeights } from "../initialise.ts";
import { Module } from "../module.ts";
import { convolutionAttributes, convolutionGeometry, convolve, describeConvolution } from "./convolution.ts";
import { outputSize, type Pair } from "./images.ts";

/** Options of convolutions. */
export interface ConvOptions {
  /** Step of the window, one number or `[vertical, horizontal]`; 1 by default. */
  stride?: number | Pair;
  /** Zeros added on each side, less than the kernel's size; none by default. */
  padding?: number | Pair;
  /** Adds a learned number to each output channel; true by default. */
  bias?: boolean;
  /** Seed of the initial values; by default the next one of the sequence that `manualSeed` restarts. */
  seed?: number;
}

/**
 * Cross-correlation of images with a kernel, `[batch, height, width, inChannels]` → `[batch, outHeight, outWidth,
 * outChannels]` with outHeight = floor((height + 2 · padding - kernelHeight) / stride) + 1.
 *
 * Activations are channels last, as image data and TensorFlow.js have them; weights are PyTorch's, so that its state
 * dicts load. Computed as patches times one matrix.
 */
export class Conv2d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  /** `[outChannels, inChannels, kernelHeight, kernelWidth]` */
  readonly weight: Parameter;
  /** `[outChannels]` */
  readonly bias: Parameter | undefined;

  /** @throws ShapeError when a size is not a whole number in its range */
  constructor(inChannels: number, outChannels: number, kernelSize: number | Pair, options: ConvOptions = {}) {
    super();
    checkSize("inChannels", inChannels);
    checkSize("outChannels", outChannels);
    const geometry = convolutionGeometry(kernelSize, options);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = geometry.kernelSize;
    this.stride = geometry.stride;
    this.padding = geometry.padding;
    this.inputShape = [null, null, inChannels];
    const { weight, bias } = initialWeights([outChannels, inChannels, ...this.kernelSize], options);
    this.weight = weight;
    this.bias = bias;
  }

  override forward(x: Tensor): Tensor {
    const [height, width] = outputSize(this, x, this, this.inChannels);
    const product = convolve(x, lift(this.weight), this, [height, width]);
    const y = this.bias ? product.add(this.bias) : product;
    return y.reshape([x.shape[0], height, width, this.outChannels]);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const tensors = floatTensors({ weight: this.weight, bias: this.bias });
    const { stride, padding } = convolutionAttributes(this);
    return graph.add(convolution, name, [input], { stride, padding }, tensors);
  }

  override describe(): string {
    return describeConvolution(this);
  }
}
