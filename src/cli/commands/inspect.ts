/** `bitlinear inspect` */
import { type Command, defineCommand } from "./command.ts";

/** Shows what a saved model is made of. */
export const inspect: Command = defineCommand({
  positionals: [{ name: "MODEL", help: "a saved model, .safetensors" }],
  details: [
    "Shows the operations of a saved model in the order in which they run: shapes, the share of each trit, stored bits of a weight (scales included), bytes, and whether results equal the training forward pass in all bits.",
  ],
  options: {},
  examples: ["inspect model.safetensors", "inspect model.safetensors --json"],
  run: async (_options, context, [path]) => (await import("../inspect-model.ts")).inspectSavedModel(path, context),
});
