/** Gradients to look at: of a module's parameters and its input, for a loss of one's own. */
import { compile, differentiate, randomKey, type Tensor, tensor, withParameters } from "../tensor/index.ts";
import { distinctParameters } from "./distinct-parameters.ts";
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
 * @throws ShapeError when the input does not fill its shape or does not fit the module, or the loss is no scalar
 */
export async function valueAndGrad(
  module: Module,
  input: InputValues,
  loss: (output: Tensor) => Tensor,
  seed = 0,
): Promise<ValueAndGrad> {
  const parameters = distinctParameters(module).map(([, parameter]) => parameter);
  const trainable = parameters.filter(({ isTrainable }) => isTrainable);
  const known = [...trainable, ...parameters.filter(({ isTrainable }) => !isTrainable)];
  using run = compile(([key, ...values]) => {
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

  const inputs = [
    randomKey(seed, 0),
    tensor(input.data, input.shape),
    ...known.map(({ value, shape }) => tensor(value, shape)),
  ];
  try {
    const outputs = run(inputs);
    const [value, output, inputGradient, ...gradients] = await Promise.all(outputs.map((values) => values.data()));
    for (const values of outputs) values.dispose();
    const named = module.namedParameters().flatMap(([name, parameter]): [string, StateDict[string]][] => {
      const at = trainable.indexOf(parameter);
      return at < 0 ? [] : [[name, { shape: parameter.shape, data: gradients[at] }]];
    });
    return { value: value[0], output, parameters: Object.fromEntries(named), input: inputGradient };
  } finally {
    for (const values of inputs) values.dispose();
  }
}
