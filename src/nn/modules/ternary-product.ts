/** The product that every ternary layer computes: integers first, scales after, so that deployment gives the same bits. */
import { type ActivationRuleId, activationRule } from "../../activation-rules/index.ts";
import { type Parameter, type Tensor, ternaryShare } from "../../tensor/index.ts";
import { type ConvolutionSizes, convolve } from "./convolution.ts";
import { outputSize } from "./images.ts";

/** A weight on its way into an integer product. */
export interface TracedWeight {
  /** `[N, K]`: in value the trits, in gradient the effective weight divided by `multiplier`. */
  readonly codes: Tensor;
  /** `[1, 1]` or `[N, 1]`: the scales, with 1 where a scale is 0 (its trits are 0 then, and the gradient still flows). */
  readonly multiplier: Tensor;
}

/**
 * What stands for a trained weight in a product: its planes, or in a training that warms up their mix with the float weight,
 *
 *     W_λ = (1 - λ) · W + λ · Σ trit_i · scale_i
 *
 * for whatever quantizer, with the gradient mixed alike. At λ = 1 it is not this sum, which rounds, but the planes themselves.
 *
 * @param weight `[N, K]`
 */
export function warmedUp(weight: Tensor, planes: readonly TracedWeight[]): readonly TracedWeight[] {
  const share = ternaryShare();
  if (!share) return planes;
  const ternary = planes.map(({ codes, multiplier }) => codes.mul(multiplier)).reduce((sum, plane) => sum.add(plane));
  const mixed = weight.mul(share.neg().add(1)).add(ternary.mul(share));
  return [{ codes: mixed, multiplier: weight.constant(1).reshape([1, 1]) }];
}

/** Σ codes(x) · codes_iᵀ · (s_x · multiplier_i) + bias over rows, `[M, K]` → `[M, N]`; planes are added in their order. */
export function multiplyRows(
  rows: Tensor,
  activation: ActivationRuleId,
  planes: readonly TracedWeight[],
  bias: Parameter | undefined,
): Tensor {
  const input = activationRule(activation).trace(rows);
  const products = planes.map(({ codes, multiplier }) =>
    input.codes
      .matmulTransposed(codes)
      .withStoredGradient() // the product of its gradient with the codes reads it once for each of them
      .mul(input.scales.mul(multiplier.transpose())),
  );
  const sum = products.reduce((partial, product) => partial.add(product));
  return bias ? sum.add(bias) : sum;
}

/**
 * The same over the patches of images, `[B, H, W, inChannels]` → `[B, outH, outW, outChannels]`: the token is the image, and
 * zeros pad the codes.
 *
 * @throws ShapeError when `x` is not images of the layer's channels, at least as large as its window
 */
export function multiplyImages(
  layer: ConvolutionSizes,
  x: Tensor,
  activation: ActivationRuleId,
  planes: readonly TracedWeight[],
  bias: Parameter | undefined,
): Tensor {
  const { inChannels, outChannels, kernelSize } = layer;
  const [height, width] = outputSize(layer, x, layer, inChannels);
  const images = x.shape[0];
  const input = activationRule(activation).trace(x.reshape([images, -1]));
  const codes = input.codes.reshape(x.shape);
  const products = planes.map((plane) => {
    const kernel = plane.codes.reshape([outChannels, inChannels, ...kernelSize]);
    const accumulators = convolve(codes, kernel, layer, [height, width]).reshape([images, height * width, outChannels]);
    return accumulators.mul(input.scales.mul(plane.multiplier.transpose()).reshape([images, 1, -1]));
  });
  const sum = products.reduce((partial, product) => partial.add(product));
  return (bias ? sum.add(bias) : sum).reshape([images, height, width, outChannels]);
}
