/** The bench cases: the only place that names them. */
import type { BenchCase } from "../bench-case.ts";
import { accuracy } from "./accuracy.ts";
import { conversion } from "./conversion.ts";
import { deployment } from "./deployment.ts";
import { formatsCase } from "./formats.ts";
import { kernels } from "./kernels.ts";
import { training } from "./training.ts";

/** Every case, in the order of `npm run bench -- all`. */
export const benchCases: readonly BenchCase[] = [training, deployment, formatsCase, kernels, accuracy, conversion];
