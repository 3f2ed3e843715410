/** The convolution over images whose ternary weights are given, not trained. */
import { type ActivationRuleId, activationRule } from "../../activation-rules/index.ts";
import { ShapeError } from "../../core/errors.ts";
import { checkSize } from "../../core/shape.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { ternaryConvolution } from "../../runtime/ops/index.ts";
import type { Parameter, Tensor } from "../../tensor/index.ts";
import { floatTensors, packedPlanes } from "../deploy.ts";
import { Module } from "../module.ts";
import type { TernaryLayer, TernarySizes } from "../summary-bytes.ts";
import type { BitConv2d } from "./bit-conv2d.ts";
import { convolutionAttributes, convolutionGeometry, describeConvolution } from "./convolution.ts";
import { frozenPlanes, planesOf, sizesOf, tracePlanes } from "./frozen-planes.ts";
import type { Pair } from "./images.ts";
import { biasOf, describePlanes, type FrozenTernaryOptions } from "./ternary-linear.ts";
import { multiplyImages } from "./ternary-product.ts";

/** Options of `TernaryConv2d`. */
export interface FrozenConvOptions extends FrozenTernaryOptions {
  /** Vertical and horizontal size of the window. */
  kernelSize: number | Pair;
  /** Step of the window; 1 by default. */
  stride?: number | Pair;
  /** Zeros added on each side, less than the kernel's size; none by default. */
  padding?: number | Pair;
}

/**
 * A convolution over ternary planes that training leaves as they are, `[batch, height, width, inChannels]` → `[batch,
 * outHeight, outWidth, outChannels]`; sizes as in `Conv2d`, arithmetic as in `BitConv2d`. Exact when deployed with an integer
 * activation rule.
 */
export class TernaryConv2d extends Module implements TernaryLayer {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly activation: ActivationRuleId;
  /** For each plane `[outChannels, inChannels · kernelHeight · kernelWidth]`, a buffer of -1, 0 and +1. */
  readonly trits: readonly Parameter[];
  /** For each plane `[1]` or `[outChannels]`, a buffer. */
  readonly scales: readonly Parameter[];
  /** `[outChannels]` */
  readonly bias: Parameter | undefined;

  /**
   * @param planes one or more `[outChannels, inChannels · kernelHeight · kernelWidth]`, copied; their sum is the weight
   * @throws ShapeError when planes, channels, kernel or bias do not fit together, UnsupportedError for scales of groups or
   *   an unknown activation rule
   */
  constructor(inChannels: number, planes: readonly TernaryMatrix[], options: FrozenConvOptions) {
    super();
    checkSize("inChannels", inChannels);
    const { trits, scales } = frozenPlanes(planes);
    const { kernelSize, stride, padding } = convolutionGeometry(options.kernelSize, options);
    const { outFeatures, inFeatures } = planes[0];
    const patchSize = inChannels * kernelSize[0] * kernelSize[1];
    if (inFeatures !== patchSize) {
      throw new ShapeError(
        `rows of the planes must hold ${inChannels} x ${kernelSize[0]} x ${kernelSize[1]} = ${patchSize} trits, got ${inFeatures}`,
      );
    }
    this.inChannels = inChannels;
    this.outChannels = outFeatures;
    this.kernelSize = kernelSize;
    this.stride = stride;
    this.padding = padding;
    this.trits = trits;
    this.scales = scales;
    this.inputShape = [null, null, inChannels];
    this.activation = activationRule(options.activation ?? "none").id;
    this.bias = biasOf(options.bias, outFeatures);
  }

  /** The layer that a trained one deploys to: its current trits, scales and bias, its geometry and its activation rule. */
  static async freeze(layer: BitConv2d): Promise<TernaryConv2d> {
    const { inChannels, kernelSize, stride, padding, activation, bias } = layer;
    const options = { kernelSize, stride, padding, activation, bias: bias?.value };
    const frozen = new TernaryConv2d(inChannels, [await layer.ternary()], options);
    const { isTraining, inputShape, sampleShape } = layer;
    return Object.assign(frozen, { isTraining, inputShape, sampleShape });
  }

  /** Copies of the planes. @throws ShapeError when a state that was loaded holds other values than trits and scales */
  get planes(): TernaryMatrix[] {
    return planesOf(this);
  }

  override forward(x: Tensor): Tensor {
    return multiplyImages(this, x, this.activation, tracePlanes(this), this.bias);
  }

  /** Sizes of the planes, for `summary()`. */
  ternarySizes(): TernarySizes {
    return sizesOf(this);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const tensors = { ...packedPlanes(this.planes, graph.format), ...floatTensors({ bias: this.bias }) };
    const attributes = { ...convolutionAttributes(this), activation: this.activation };
    return graph.add(ternaryConvolution, name, [input], attributes, tensors);
  }

  override describe(): string {
    return `${describeConvolution(this)}, ${describePlanes(this.trits.length)}, ${this.activation}`;
  }
}
