/** The contract of plans: what is asked for, and what will be done. */
import type { Shape } from "../core/shape.ts";
import type { ScaleSharing } from "./targets/target.ts";

/** How the tensors of some names are converted. */
export interface ConversionRule {
  /** `*` stands for any characters, `?` for one. */
  readonly pattern: string;
  readonly quantizer?: string | undefined;
  readonly planes?: number | undefined;
}

/** What a conversion does; everything has a default. */
export interface PlanOptions {
  /** Only tensors of these names are made ternary. */
  readonly include?: readonly string[] | undefined;
  /** Tensors of these names are not; embeddings, norms and the head by default. */
  readonly skip?: readonly string[] | undefined;
  /** The first rule whose pattern matches a name goes before what follows. */
  readonly rules?: readonly ConversionRule[] | undefined;
  /** Weight rule; `optimal` by default. */
  readonly quantizer?: string | undefined;
  /** Ternary planes of each weight, 1 to 4; 1 by default. */
  readonly planes?: number | undefined;
  /** Id of the target; by the name of the file otherwise. */
  readonly to?: string | undefined;
  /** Id of the format of trits; the target's first by default. */
  readonly format?: string | undefined;
  /** Whether ternary tensors become floats again, and nothing becomes ternary. */
  readonly float?: boolean | undefined;
}

/** What happens to a tensor. */
export type PlannedAction =
  /** Kept byte for byte. */
  | { readonly kind: "keep" }
  /** Written as float32: ternary weights multiplied out, or blocks that the target does not have. */
  | { readonly kind: "float" }
  /** Ternary weights into another format; the trits stay. */
  | { readonly kind: "repack"; readonly planes: number }
  | FitAction;

/** Floats to planes. */
export interface FitAction {
  readonly kind: "fit";
  /** Id of the weight rule. */
  readonly quantizer: string;
  readonly planes: number;
  readonly scales: ScaleSharing;
  /** Whether planes are fitted to the outputs of the layer on calibration inputs. */
  readonly isCalibrated?: boolean;
}

/** One tensor of a plan. */
export interface PlannedTensor {
  readonly name: string;
  readonly shape: Shape;
  /** The type that the source says. */
  readonly from: string;
  readonly action: PlannedAction;
  /** Why, in a few words: the pattern that decided. */
  readonly reason: string;
  /** The pattern by which it is skipped, of the caller's or of the default ones. */
  readonly skippedBy?: string;
  /** Of a layer that was to become ternary: why the format cannot hold it. */
  readonly misfit?: string;
  readonly bytesBefore: number;
  /** As planned; scales that turn out equal take less. */
  readonly bytesAfter: number;
}

/** A whole plan. */
export interface ConversionPlan {
  readonly source: string;
  readonly sourceDescription: string;
  /** Ids. */
  readonly target: string;
  readonly format: string;
  readonly tensors: readonly PlannedTensor[];
  /** What was ambiguous in the source and how it was decided, and what the plan leaves open. */
  readonly notes: readonly string[];
}
