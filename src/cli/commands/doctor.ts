/** `bitlinear doctor` */
import { flagOption } from "../options.ts";
import { type Command, defineCommand } from "./command.ts";

/** Shows what this machine can run, and whether it computes right. */
export const doctor: Command = defineCommand({
  details: [
    "Shows Node, the processor and the backends that are present or absent, with the reason, and checks them: every backend must equal the reference in all bits, and deployed models the forward pass that trains them. The exit code is 1 when a check fails.",
  ],
  options: {
    skipTraining: flagOption("leave out the checks that load the training engine"),
  },
  examples: ["doctor", "doctor --json"],
  run: async (options, context) => (await import("../doctor/run-doctor.ts")).runDoctor(options, context),
});
