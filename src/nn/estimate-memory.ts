/** What a model takes in every storage format, measured on the bytes that `deploy()` would pack. */
import { formats } from "../formats/index.ts";
import { floatByteLengthOf, storedByteLengthOf } from "../runtime/stored-size.ts";
import { BitLinear } from "./bit-linear.ts";
import { lowerModule } from "./deploy.ts";
import { Module } from "./module.ts";

/** Bytes of a layer or a model. */
export interface MemoryUse {
  /** Every parameter as float32. */
  readonly float32: number;
  /** Packed, by format: trits, scales, biases and everything that stays float32. */
  readonly packed: Readonly<Record<string, number>>;
}

/** Bytes of a model and of each of its layers. */
export interface MemoryEstimate extends MemoryUse {
  /** By path; layers without parameters are left out. */
  readonly layers: Readonly<Record<string, MemoryUse>>;
}

/** Sizes of one ternary layer. */
export interface LayerSizes {
  inFeatures: number;
  outFeatures: number;
  /** True by default. */
  bias?: boolean;
}

/**
 * Packs a model (or a fresh ternary layer of the given sizes) in every format and counts the bytes.
 *
 * @throws UnsupportedError naming a module that cannot be deployed
 */
export async function estimateMemory(model: Module | LayerSizes): Promise<MemoryEstimate> {
  const module =
    model instanceof Module ? model : new BitLinear(model.inFeatures, model.outFeatures, { bias: model.bias ?? true });
  const graphs = await Promise.all(
    formats.map(async ({ id }) => [id, await lowerModule(module, { format: id })] as const),
  );
  const [, { nodes }] = graphs[0];
  const packedOf = (count: (nodes: (typeof graphs)[0][1]["nodes"]) => number): Record<string, number> =>
    Object.fromEntries(graphs.map(([id, graph]) => [id, count(graph.nodes)]));
  const layers = nodes.flatMap((node, i) =>
    floatByteLengthOf([node]) === 0
      ? []
      : [
          [
            node.name,
            { float32: floatByteLengthOf([node]), packed: packedOf((all) => storedByteLengthOf([all[i]])) },
          ] as const,
        ],
  );
  return {
    float32: floatByteLengthOf(nodes),
    packed: packedOf(storedByteLengthOf),
    layers: Object.fromEntries(layers),
  };
}
