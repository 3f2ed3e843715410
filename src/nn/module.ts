/** What every layer and model is: parameters, children, a forward pass and its deployed counterpart. */
import { UnsupportedError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { DeployedModel } from "../runtime/deployed-model.ts";
import type { GraphBuilder, Value } from "../runtime/graph.ts";
import { Parameter, type Tensor } from "../tensor/index.ts";
import { type DeployOptions, deployModule } from "./deploy.ts";
import { distinctParameters } from "./distinct-parameters.ts";
import { lowerChain } from "./lower-chain.ts";
import { type LoadStateOptions, loadStateDict, type StateDict, stateDict } from "./state-dict.ts";
import { summarize } from "./summary.ts";

/**
 * A layer or a model. Write one of your own by keeping parameters and modules in fields and defining `forward`:
 * names follow the fields (`norm.weight`, `layers.0.weight`), as PyTorch gives them.
 */
export abstract class Module {
  /** Whether `forward` behaves as in training (dropout drops, batch norms measure the batch). */
  isTraining = true;
  /** Shape of one input sample, where the module knows it or has been trained on it; null for sizes that may vary. */
  inputShape: readonly (number | null)[] | undefined = undefined;
  /** Shape of the samples that `fit` trained it on; deployed models assume it where `inputShape` lets sizes vary. */
  sampleShape: Shape | undefined = undefined;

  /** The forward pass; differentiable, traced by `fit`. */
  abstract forward(x: Tensor): Tensor;

  /**
   * Yields the operations of the deployed module, beside `forward`. Without a definition of its own a module deploys
   * through its children, where its forward pass is a chain of them.
   *
   * @throws UnsupportedError naming the module whose forward pass is not a chain
   */
  async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    return await lowerChain(this, graph, input, name);
  }

  /** Modules in the fields of this one, with their names; lists give `field.0`, `field.1`. */
  children(): [string, Module][] {
    return fieldsOf(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }

  /** Puts another module in the place of a child, by the name that `children()` gives. */
  replaceChild(name: string, next: Module): void {
    const [field, index] = name.split(".");
    if (index === undefined) Reflect.set(this, field, next);
    else Reflect.set(Reflect.get(this, field) as object, index, next);
  }

  /** Every parameter below this module, by path; buffers (running statistics) included. */
  namedParameters(): [string, Parameter][] {
    return this.namedModules().flatMap(([path, module]) =>
      fieldsOf(module).flatMap(([name, value]): [string, Parameter][] =>
        value instanceof Parameter ? [[path === "" ? name : `${path}.${name}`, value]] : [],
      ),
    );
  }

  /** The parameters that training changes, each once. */
  parameters(): Parameter[] {
    return distinctParameters(this).flatMap(([, parameter]) => (parameter.isTrainable ? [parameter] : []));
  }

  /**
   * This module and every module below it, by path; the path of the module itself is empty.
   *
   * @throws UnsupportedError naming the path of a module that contains itself
   */
  namedModules(): [string, Module][] {
    return modulesBelow(this, "", []);
  }

  /** Switches to training behaviour, here and below. */
  train(isTraining = true): this {
    for (const [, module] of this.namedModules()) module.isTraining = isTraining;
    return this;
  }

  /** Switches to evaluation behaviour, here and below. */
  eval(): this {
    return this.train(false);
  }

  /** A copy of every parameter, by path. */
  stateDict(): StateDict {
    return stateDict(this);
  }

  /**
   * Takes parameters over by name. The last part of a name may have PyTorch's spelling (`running_mean` for
   * `runningMean`); entries named `num_batches_tracked`, a step counter of its batch norms, are ignored.
   *
   * @throws ShapeError listing every name that is missing, extra, given in both spellings or of another shape; nothing is
   *   changed then
   */
  loadStateDict(state: StateDict, options: LoadStateOptions = {}): void {
    loadStateDict(this, state, options);
  }

  /** The layers as a table: sizes, parameters, bytes. */
  summary(): string {
    return summarize(this);
  }

  /** Packs the weights and gives a model that runs without the training engine, with the same bits. */
  async deploy(options: DeployOptions = {}): Promise<DeployedModel> {
    return await deployModule(this, options);
  }

  /** One line about this module's sizes, for `summary()`. */
  describe(): string {
    return "";
  }
}

/** An elementwise function that can stand between modules and deploys by name. */
export interface Activation {
  (x: Tensor): Tensor;
  /** Name of the function in deployed models. */
  readonly functionName: string;
}

/** What `Sequential` and `Residual` take: a module or an activation such as `relu`. */
export type Layer = Module | Activation;

/** Runs a layer. @throws UnsupportedError when it is neither a module nor a function */
export function applyLayer(layer: Layer, x: Tensor): Tensor {
  if (layer instanceof Module) return layer.forward(x);
  if (typeof layer === "function") return layer(x);
  throw new UnsupportedError(`a layer must be a Module or an activation such as relu, got ${typeof layer}`);
}

/** A module and everything below it, each before its children. */
function modulesBelow(module: Module, path: string, above: readonly Module[]): [string, Module][] {
  if (above.includes(module)) {
    throw new UnsupportedError(
      `module ${JSON.stringify(path)} (${module.constructor.name}) contains itself; keep references to parents out of fields, or in #private ones`,
    );
  }
  const below = module
    .children()
    .flatMap(([name, child]) => modulesBelow(child, path === "" ? name : `${path}.${name}`, [...above, module]));
  return [[path, module], ...below];
}

function fieldsOf(module: object): [string, unknown][] {
  return Object.entries(module).flatMap(([name, value]): [string, unknown][] =>
    Array.isArray(value) ? value.map((item, i): [string, unknown] => [`${name}.${i}`, item]) : [[name, value]],
  );
}
