/** A fully connected layer of several ternary planes. */
import { type ActivationRuleId, activationRule } from "../../activation-rules/index.ts";
import { checkSize } from "../../core/shape.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { Quantizer } from "../../quantizers/index.ts";
import {
  checkPlanes,
  decompose,
  type PlaneFit,
  planeQuantizer,
  type TracedPlane,
  traceGreedyPlanes,
  traceNearestPlanes,
} from "../../quantizers/multi-ternary.ts";
import { checkMagnitudes } from "../../quantizers/quantizer.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { ternaryLinear } from "../../runtime/ops/index.ts";
import { compile, lift, Parameter, type Tensor, tensor } from "../../tensor/index.ts";
import { floatTensors, packedPlanes } from "../deploy.ts";
import { initialWeights } from "../initialise.ts";
import { Module } from "../module.ts";
import type { TernaryLayer, TernarySizes } from "../summary-bytes.ts";
import type { Linear, LinearOptions } from "./linear.ts";
import { checkLastAxis, overRows } from "./rows.ts";
import { multiplyRows, type TracedWeight, warmedUp } from "./ternary-product.ts";
import {
  activationOf,
  checkRowLength,
  copyWeights,
  describeQuantizer,
  scaleCount,
  type TernaryOptions,
} from "./ternary-weight.ts";

/** How a layer makes its planes. */
export interface PlaneOptions extends TernaryOptions {
  /** Number of planes; 2 by default. Each takes the room of a ternary layer. */
  planes?: number;
  /**
   * `greedy` (the default): each plane quantizes what the ones before left over. `joint`: scales fitted to the weights all
   * together when the layer is made, and fixed from then on; training moves weights between the levels they span.
   */
  fit?: PlaneFit;
}

/** Options of `MultiTernaryLinear`. */
export interface MultiTernaryLinearOptions extends LinearOptions, PlaneOptions {}

/**
 * A linear layer whose weight is a sum of ternary planes, W ≈ Σ trit_i · scale_i: y = Σ codes(x) · trits_iᵀ · (s_x · s_i) +
 * b, `[..., inFeatures]` → `[..., outFeatures]`. Nearer to the float layer than one plane, at the price of one product each.
 * Exact when deployed.
 *
 * The gradient is straight-through, ∂(Σ trit_i · scale_i)/∂W = 1, whatever the weight rule. Rules that learn their scale
 * are refused: a residual has none to start from. See `decompose` for the fits and their paper.
 */
export class MultiTernaryLinear extends Module implements TernaryLayer {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly planes: number;
  readonly fit: PlaneFit;
  readonly activation: ActivationRuleId;
  /** `[outFeatures, inFeatures]`, the float weight that is trained. */
  readonly weight: Parameter;
  /** `[planes, outFeatures]`, a buffer; only with the joint fit. */
  readonly scales: Parameter | undefined;
  /** `[outFeatures]` */
  readonly bias: Parameter | undefined;
  private readonly quantizer: Quantizer;

  /** @throws ShapeError for sizes that are not allowed, UnsupportedError for unknown quantizers, options or activations */
  constructor(inFeatures: number, outFeatures: number, options: MultiTernaryLinearOptions = {}) {
    super();
    checkSize("inFeatures", inFeatures);
    checkSize("outFeatures", outFeatures);
    checkRowLength(inFeatures);
    const { planes = 2, fit = "greedy" } = options;
    checkPlanes(planes, fit);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.planes = planes;
    this.fit = fit;
    this.inputShape = [inFeatures];
    this.quantizer = planeQuantizer(options);
    this.activation = activationRule(activationOf({ ...options, quantizer: this.quantizer.id })).id;
    const { weight, bias } = initialWeights([outFeatures, inFeatures], options, this.quantizer.initialBound);
    this.weight = weight;
    this.scales = fit === "joint" ? new Parameter([planes, outFeatures], this.fittedScales(), false) : undefined;
    this.bias = bias;
  }

  /** A layer of planes that add up to the weights of a float one, to be deployed as it is or fine-tuned. */
  static fromLinear(linear: Linear, options: PlaneOptions = {}): MultiTernaryLinear {
    const own = { bias: linear.bias !== undefined, seed: 0 }; // a seed, so that none is drawn for values that are replaced
    const layer = new MultiTernaryLinear(linear.inFeatures, linear.outFeatures, { ...options, ...own });
    copyWeights(linear, layer);
    if (layer.scales) layer.scales.value = layer.fittedScales();
    return layer;
  }

  override forward(x: Tensor): Tensor {
    checkLastAxis(this, x, this.inFeatures);
    return overRows(x, (rows) => multiplyRows(rows, this.activation, this.traceWeights(), this.bias));
  }

  /**
   * The current planes: what `deploy()` packs.
   *
   * @throws ShapeError for a weight that is not finite or beyond 2⁶⁴ in magnitude
   */
  async ternary(): Promise<TernaryMatrix[]> {
    checkMagnitudes("weights of a ternary layer", this.weight.value);
    const parameters = this.scales ? [this.weight, this.scales] : [this.weight];
    const inputs = parameters.map(({ value, shape }) => tensor(value, shape));
    using run = compile(([weight, scales]) =>
      this.tracePlanes(weight, scales).flatMap((plane) => [plane.trits, plane.scales]),
    );
    const traced = run(inputs);
    const values = await Promise.all(traced.map((array) => array.data()));
    for (const array of [...inputs, ...traced]) array.dispose();
    const { outFeatures, inFeatures } = this;
    return Array.from({ length: this.planes }, (_, i) => ({
      outFeatures,
      inFeatures,
      trits: Int8Array.from(values[2 * i]),
      scales: values[2 * i + 1],
    }));
  }

  /** Sizes of what `ternary()` gives, for `summary()`. */
  ternarySizes(): TernarySizes {
    const { outFeatures, inFeatures, planes, weight } = this;
    const shape = { outFeatures, inFeatures };
    const perPlane = this.scales ? outFeatures : scaleCount(this.quantizer, shape);
    return { shape, planes, scales: planes * perPlane, replaced: [weight, this.scales] };
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const planes = packedPlanes(await this.ternary(), graph.format);
    const tensors = { ...planes, ...floatTensors({ bias: this.bias }) };
    return graph.add(ternaryLinear, name, [input], { activation: this.activation }, tensors);
  }

  override describe(): string {
    return `${this.inFeatures} → ${this.outFeatures}, ${this.planes} planes, ${describeQuantizer(this.quantizer)}, ${this.activation}`;
  }

  /** The planes, of which the first carries the gradient of them all. */
  private traceWeights(): readonly TracedWeight[] {
    const weight = lift(this.weight);
    const straightThrough = weight.sub(weight.stopGradient()); // zero in value
    const planes = this.tracePlanes(weight, this.scales && lift(this.scales)).map(({ trits, scales }, i) => {
      const multiplier = scales.equal(0).where(1, scales); // trits are 0 where the scale is
      const codes = i === 0 ? trits.add(straightThrough.mul(multiplier.reciprocal())) : trits;
      return { codes, multiplier };
    });
    return warmedUp(weight, planes);
  }

  private tracePlanes(weight: Tensor, scales: Tensor | undefined): TracedPlane[] {
    return scales ? traceNearestPlanes(weight, scales) : traceGreedyPlanes(weight, this.quantizer, this.planes);
  }

  private fittedScales(): Float32Array {
    const { planes, fit, quantizer } = this;
    const options = { planes, fit, quantizer: quantizer.id, quantizerOptions: quantizer.options };
    const fitted = decompose(this.weight.value, this, options);
    return Float32Array.from(fitted.flatMap((plane) => [...plane.scales]));
  }
}
