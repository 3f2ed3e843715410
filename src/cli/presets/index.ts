/** The networks that can be trained by name: the only place that names them. */
import { UnsupportedError } from "../../core/errors.ts";
import type { Preset } from "./preset.ts";

export { type Preset, type Recipe, SEQUENCE_LENGTH } from "./preset.ts";

/** Every preset, the default first; a network's file, and with it the training engine, is loaded when it is built. */
export const presets: readonly Preset[] = [
  {
    id: "mlp",
    summary: "three linear layers, inputs-256-128-classes, with RMS norms",
    ownData: "digits",
    givenData: "mnist",
    recipe: { epochs: 5, batchSize: 64, learningRate: 2e-3, warmupSteps: 50 },
    build: async (data, seed) => (await import("./mlp.ts")).mlp(data, seed),
  },
  {
    id: "cnn",
    summary: "two 3x3 convolutions of 16 and 32 channels with batch norms and pools, then two linear layers",
    ownData: "digits",
    givenData: "mnist",
    recipe: { epochs: 5, batchSize: 64, learningRate: 2e-3, warmupSteps: 50 },
    build: async (data, seed) => (await import("./cnn.ts")).cnn(data, seed),
  },
  {
    id: "transformer-char",
    summary: "a causal transformer that predicts the next character of a text",
    givenData: "text",
    recipe: { epochs: 3, batchSize: 32, learningRate: 2e-3, warmupSteps: 100, clipNorm: 1 },
    build: async (data, seed) => (await import("./transformer-char.ts")).transformerChar(data, seed),
  },
];

/**
 * The preset of a name.
 *
 * @throws UnsupportedError listing the names there are
 */
export function presetById(id: string): Preset {
  const preset = presets.find((candidate) => candidate.id === id);
  if (preset) return preset;
  throw new UnsupportedError(`there is no preset ${id}; choose one of: ${presets.map((each) => each.id).join(", ")}`);
}
