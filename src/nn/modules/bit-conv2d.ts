/** The ternary convolution over images. */
import { type ActivationRuleId, activationRule } from "../../activation-rules/index.ts";
import { checkSize } from "../../core/shape.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { ternaryConvolution } from "../../runtime/ops/index.ts";
import type { Parameter, Tensor } from "../../tensor/index.ts";
import { floatTensors, packedPlanes } from "../deploy.ts";
import { initialWeights } from "../initialise.ts";
import { Module } from "../module.ts";
import type { TernaryLayer, TernarySizes } from "../summary-bytes.ts";
import type { Conv2d, ConvOptions } from "./conv2d.ts";
import { convolutionAttributes, convolutionGeometry, describeConvolution } from "./convolution.ts";
import type { Pair } from "./images.ts";
import { multiplyImages } from "./ternary-product.ts";
import {
  activationOf,
  checkRowLength,
  copyWeights,
  describeQuantizer,
  quantizerOf,
  type TernaryOptions,
  TernaryWeight,
} from "./ternary-weight.ts";

/** Options of `BitConv2d`. */
export interface BitConvOptions extends ConvOptions, TernaryOptions {}

/**
 * A convolution whose weights are trits times a scale, `[batch, height, width, inChannels]` → `[batch, outHeight,
 * outWidth, outChannels]`; sizes as in `Conv2d`.
 *
 * The token of the activation rule is the image: one scale per image, and zeros pad the integer codes. An output channel
 * is a row of the weight matrix. Exact when deployed.
 *
 * Ma et al., "The Era of 1-bit LLMs", 2024, arXiv:2402.17764 (the rules of its linear layers, with the default quantizer).
 */
export class BitConv2d extends Module implements TernaryLayer {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly activation: ActivationRuleId;
  /** `[outChannels, inChannels, kernelHeight, kernelWidth]`, the float weight that is trained. */
  readonly weight: Parameter;
  /** `[1]` or `[outChannels]`, for quantizers that learn their scale. */
  readonly learnedScale: Parameter | undefined;
  /** `[outChannels]` */
  readonly bias: Parameter | undefined;
  private readonly ternaryWeight: TernaryWeight;

  /** @throws ShapeError for sizes that are not allowed, UnsupportedError for unknown quantizers, options or activations */
  constructor(inChannels: number, outChannels: number, kernelSize: number | Pair, options: BitConvOptions = {}) {
    super();
    checkSize("inChannels", inChannels);
    checkSize("outChannels", outChannels);
    const geometry = convolutionGeometry(kernelSize, options);
    const fanIn = inChannels * geometry.kernelSize[0] * geometry.kernelSize[1];
    checkRowLength(fanIn);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = geometry.kernelSize;
    this.stride = geometry.stride;
    this.padding = geometry.padding;
    this.inputShape = [null, null, inChannels];
    this.activation = activationRule(activationOf(options)).id;
    const quantizer = quantizerOf(options);
    const { weight, bias } = initialWeights(
      [outChannels, inChannels, ...this.kernelSize],
      options,
      quantizer.initialBound,
    );
    this.weight = weight;
    this.ternaryWeight = new TernaryWeight(this.weight, { outFeatures: outChannels, inFeatures: fanIn }, quantizer);
    this.learnedScale = this.ternaryWeight.learnedScale;
    this.bias = bias;
  }

  /** A ternary layer with the weights and the geometry of a float one, to be fine-tuned. */
  static fromConv2d(convolution: Conv2d, options: TernaryOptions = {}): BitConv2d {
    const { inChannels, outChannels, kernelSize, stride, padding, bias } = convolution;
    const own = { stride, padding, bias: bias !== undefined, seed: 0 }; // a seed, so that none is drawn
    const layer = new BitConv2d(inChannels, outChannels, kernelSize, { ...options, ...own });
    copyWeights(convolution, layer);
    layer.ternaryWeight.resetLearnedScale();
    return layer;
  }

  override forward(x: Tensor): Tensor {
    return multiplyImages(this, x, this.activation, this.ternaryWeight.trace(), this.bias);
  }

  /** The current trits and scales, `[outChannels, inChannels · kernelHeight · kernelWidth]`: what `deploy()` packs. */
  async ternary(): Promise<TernaryMatrix> {
    return await this.ternaryWeight.read();
  }

  /** Sizes of what `ternary()` gives, for `summary()`. */
  ternarySizes(): TernarySizes {
    return this.ternaryWeight.sizes();
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const planes = packedPlanes([await this.ternary()], graph.format);
    const tensors = { ...planes, ...floatTensors({ bias: this.bias }) };
    const attributes = { ...convolutionAttributes(this), activation: this.activation };
    return graph.add(ternaryConvolution, name, [input], attributes, tensors);
  }

  override describe(): string {
    return `${describeConvolution(this)}, ${describeQuantizer(this.ternaryWeight.quantizer)}, ${this.activation}`;
  }
}
