/** Safetensors files and their sharded indices as other programs write them: floats, and bytes that are kept. */
import { plainTensor } from "../safetensors-tensors.ts";
import type { CheckpointKind } from "./checkpoint.ts";

/** Every tensor as it is stored. */
export const safetensors: CheckpointKind = {
  id: "safetensors",
  summary: "safetensors, one file or an index with its shards",

  async open(source) {
    const reader = await source.safetensors();
    if (reader === undefined) return undefined;
    return {
      kind: "safetensors",
      description: "safetensors",
      byteLength: source.byteLength,
      tensors: new Map([...reader.tensors.values()].map((tensor) => [tensor.name, plainTensor(reader, tensor)])),
      texts: reader.metadata,
      ggufMetadata: undefined,
      findings: [],
    };
  },
};
