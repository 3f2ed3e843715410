/** Gradients to look at: of a module's parameters and its input, for a loss of one's own. */
import {
  compile,
  differentiate,
  type Parameter,
  randomKey,
  type Tensor,
  tensor,
  withParameters,
} from "../tensor/index.ts";
import type { Module } from "./module.ts";
import type { StateDict } from "./state-dict.ts";

/** An input of a module. */
export interface InputValues {
  readonly data: ArrayLike<number>;
  /** `[batch, ...]` */
  readonly shape: readonly number[];
}

/** A loss with everything it depends on. */
export interface ValueAndGrad {
  readonly value: number;
  /** What the module gave, row-major. */
  readonly output: Float32Array;
  /** Gradient of each trainable parameter, by path, of the parameter's shape. */
  readonly parameters: StateDict;
  /** Gradient of the input, of its shape. */
  readonly input: Float32Array;
}

/**
 * The value of `loss(module.forward(input))` and its gradients, in the module's present mode.
 *
 * @param loss from the output `[batch, ...]` to a scalar, shape `[]`
 * @param seed of dropout, if the module has any
 * @throws ShapeError when the input does not fill its shape or does not fit the module
 */
export async function valueAndGrad(
  module: Module,
  input: InputValues,
  loss: (output: Tensor) => Tensor,
  seed = 0,
): Promise<ValueAndGrad> {
  const named = module.namedParameters();
  const trainable = named.filter(([, { isTrainable }]) => isTrainable);
  const buffers = named.flatMap(([, parameter]) => (parameter.isTrainable ? [] : [parameter]));
  const known = [...trainable.map(([, parameter]) => parameter), ...buffers];
  const run = compile(([key, ...values]) => {
    const fixed = values.slice(trainable.length + 1);
    const { value, extra, gradients } = differentiate(
      ([x, ...variables]) => {
        const { result } = withParameters(known, [...variables, ...fixed], key, () => module.forward(x));
        return { value: loss(result), extra: [result] };
      },
      values.slice(0, trainable.length + 1),
    );
    return [value, ...extra, ...gradients];
  });

  const inputs = [randomKey(seed, 0), tensor(input.data, input.shape), ...known.map(hostTensor)];
  const outputs = run(inputs);
  const [value, output, inputGradient, ...gradients] = await Promise.all(outputs.map((values) => values.data()));
  for (const values of [...inputs, ...outputs]) values.dispose();
  const parameters = trainable.map(([name, { shape }], i) => [name, { shape, data: gradients[i] }]);
  return { value: value[0], output, parameters: Object.fromEntries(parameters), input: inputGradient };
}

function hostTensor({ value, shape }: Parameter): Tensor {
  return tensor(value, shape);
}
