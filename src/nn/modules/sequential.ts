/** Layers one after another. */
import { UnsupportedError } from "../../core/errors.ts";
import type { GraphBuilder, Value } from "../../runtime/graph.ts";
import { activation, add } from "../../runtime/ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { applyLayer, type Layer, Module } from "../module.ts";

/** A chain of modules and activations; children are named by their position, as in PyTorch. */
export class Sequential extends Module {
  readonly layers: Layer[];

  constructor(...layers: Layer[]) {
    super();
    this.layers = layers;
    const first = layers[0];
    if (first instanceof Module) this.inputShape = first.inputShape;
  }

  override children(): [string, Module][] {
    return this.layers.flatMap((layer, i): [string, Module][] => (layer instanceof Module ? [[String(i), layer]] : []));
  }

  override replaceChild(name: string, next: Module): void {
    this.layers[Number(name)] = next;
  }

  override forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => applyLayer(layer, value), x);
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    let value = input;
    for (const [i, layer] of this.layers.entries())
      value = await lowerLayer(layer, graph, value, pathOf(name, String(i)));
    return value;
  }
}

/** x + layer(x). The layer must keep the shape. */
export class Residual extends Module {
  layer: Layer;

  constructor(layer: Layer) {
    super();
    this.layer = layer;
    if (layer instanceof Module) this.inputShape = layer.inputShape;
  }

  override forward(x: Tensor): Tensor {
    return x.add(applyLayer(this.layer, x));
  }

  override async lower(graph: GraphBuilder, input: Value, name: string): Promise<Value> {
    const inner = await lowerLayer(this.layer, graph, input, pathOf(name, "layer"));
    return graph.add(add, pathOf(name, "add"), [input, inner]);
  }
}

/** Yields the operations of a module or an activation. @throws UnsupportedError for a function that is no activation */
export async function lowerLayer(layer: Layer, graph: GraphBuilder, input: Value, name: string): Promise<Value> {
  if (layer instanceof Module) return await layer.lower(graph, input, name);
  if (typeof layer.functionName !== "string") {
    throw new UnsupportedError(
      `layer ${JSON.stringify(name)} is a function that deployed models do not know: use one of the activations (relu, gelu, ...), or a Module that defines lower()`,
    );
  }
  return graph.add(activation, name, [input], { function: layer.functionName });
}

/** The path of a child. */
export function pathOf(parent: string, child: string): string {
  return parent === "" ? child : `${parent}.${child}`;
}
