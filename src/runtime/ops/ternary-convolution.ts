/** A ternary convolution over images; several planes add up (multi-ternary). */
import { ShapeError } from "../../core/errors.ts";
import { elementCount } from "../../core/shape.ts";
import { convolutionWindow, imageSizes, windowedSize } from "../images.ts";
import {
  activationRuleOf,
  describe,
  integerAttribute,
  type Operation,
  optionalFloatTensor,
  pairAttribute,
} from "../operation.ts";
import { ternaryPlanes } from "../planes.ts";

/**
 * `[batch, height, width, inChannels]` → `[batch, outHeight, outWidth, outChannels]`; the token of the activation rule is
 * the image. Attributes: inChannels, kernelSize, stride, padding, activation. Tensors: weight or weight.0 ...
 * `[outChannels, inChannels · kernelHeight · kernelWidth]`, bias.
 */
export const ternaryConvolution: Operation = {
  id: "ternary-convolution",
  summary: "ternary convolution",
  isExact: (node) => activationRuleOf(node).isInteger,
  appliesOutputFunctions: true,
  prepare(node, backend, outputFunction) {
    const planes = ternaryPlanes(node);
    const { outFeatures: outChannels, inFeatures: patchSize } = planes[0];
    const bias = optionalFloatTensor(node, "bias", [outChannels])?.values;
    const inChannels = integerAttribute(node, "inChannels", 1);
    const kernelSize = pairAttribute(node, "kernelSize", 1);
    const window = convolutionWindow(node, kernelSize);
    if (inChannels * kernelSize[0] * kernelSize[1] !== patchSize) {
      throw new ShapeError(
        `${describe(node)} has a kernel of ${kernelSize[0]} x ${kernelSize[1]} over ${inChannels} channels, but rows of ${patchSize} weights`,
      );
    }
    const activation = activationRuleOf(node).id;
    const options = { activation, ...(bias && { bias }), ...(outputFunction && { outputFunction }) };
    const layer = backend.convolution(planes, { inChannels, ...window }, options);
    return {
      kernel: layer.kernel,
      readTrits: (plane) => layer.readTrits(plane),
      async run([x], _, take) {
        const sizes = imageSizes(x, node, inChannels);
        const [outHeight, outWidth] = windowedSize(sizes, window, node);
        const shape = [sizes.images, outHeight, outWidth, outChannels];
        const y = take(elementCount(shape));
        return { shape, data: await layer.run(x.data, sizes.images, sizes.height, sizes.width, y) };
      },
      [Symbol.dispose]: () => layer[Symbol.dispose](),
    };
  },
};
