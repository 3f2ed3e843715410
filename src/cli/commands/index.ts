/** The commands: the only place that names them. */
import type { CommandEntry } from "./command.ts";

/** Every command there is; each file is loaded only when its command is asked for. */
export const commands: readonly CommandEntry[] = [
  {
    id: "demo",
    summary: "train a float and a ternary network, deploy, and show what was gained",
    load: async () => (await import("./demo.ts")).demo,
  },
  {
    id: "train",
    summary: "train a model on your data and save it packed",
    load: async () => (await import("./train.ts")).train,
  },
  {
    id: "run",
    summary: "run a saved model on a file of inputs",
    load: async () => (await import("./run.ts")).run,
  },
  {
    id: "convert",
    summary: "make a float model ternary, or write a ternary one in another format",
    load: async () => (await import("./convert.ts")).convert,
  },
  {
    id: "inspect",
    summary: "show the layers of a model or checkpoint, its trits and its bytes",
    load: async () => (await import("./inspect.ts")).inspect,
  },
  {
    id: "diff",
    summary: "compare two models tensor by tensor, and their outputs",
    load: async () => (await import("./diff.ts")).diff,
  },
  {
    id: "export",
    summary: "write a saved model as an ONNX file",
    load: async () => (await import("./export.ts")).exportCommand,
  },
  {
    id: "doctor",
    summary: "show what this machine can run, and check that it computes right",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    id: "bench",
    summary: "show how fast this machine runs ternary layers",
    load: async () => (await import("./bench.ts")).bench,
  },
];
