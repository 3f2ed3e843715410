/** `bitlinear bench` */
import { wholeNumberOption } from "../options.ts";
import { type Command, defineCommand } from "./command.ts";

/** Shows how fast this machine runs ternary layers. */
export const bench: Command = defineCommand({
  details: [
    "Times every kernel of every backend on one layer, for one token and for 128, with weights that come from memory (cold, the best kernel of each backend) and with weights that stay in the caches (warm). Each result is checked first.",
    "Shares say how much of what the hardware allows at most was reached: of the bandwidth of memory for one token with cold weights, of the peak of int8 products otherwise. Takes some 15 seconds; other programs that run meanwhile slow it down.",
  ],
  options: {
    size: wholeNumberOption({ help: "inputs and outputs of the layer", fallback: 4096, least: 1, most: 16_384 }),
    threads: wholeNumberOption({ help: "threads of each backend that has several", least: 1, most: 1024 }),
  },
  examples: ["bench", "bench --threads 1 --json"],
  run: async (options, context) => (await import("../bench/run-bench.ts")).runBench(options, context),
});
