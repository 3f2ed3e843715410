/**
 * What a student minimises to become like its teacher, the weighted sum of
 *
 *     task      the loss of its outputs against the data
 *     logits    T² · KL(softmax(teacher / T) || softmax(student / T))
 *     features  mean of (project(student's layer) - teacher's layer)², for pairs of hidden layers
 *
 * Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, arXiv:1503.02531, section 2 (logits).
 * Romero et al., "FitNets", 2014, arXiv:1412.6550, eq. 3 (features; the projection only where the sizes differ).
 */
import { ShapeError, UsageError } from "../../core/errors.ts";
import { elementCount, formatShape, type Shape } from "../../core/shape.ts";
import { compile, type Tensor, tensor, traceWithParameters } from "../../tensor/index.ts";
import { distinctParameters } from "../distinct-parameters.ts";
import { inEvaluationMode } from "../evaluation-mode.ts";
import { Module } from "../module.ts";
import { Linear } from "../modules/linear.ts";
import { watchLayers } from "../watch-layers.ts";
import { klDivergence, type Loss, meanSquaredError } from "./losses.ts";
import type { Objective } from "./objective.ts";

/** How outputs are compared. */
export interface LogitDistillation {
  /** Divides both logits: the higher, the more the classes that are not the likeliest count. 2 by default. */
  temperature?: number;
  /** Of this term in the sum; 1 by default. */
  weight?: number;
}

/** Two hidden layers whose outputs are compared. */
export interface FeatureDistillation {
  /** Path of a layer of the student. */
  student: string;
  /** Path of a layer of the teacher; by default the same. */
  teacher?: string;
  /** Of this term in the sum; 1 by default. */
  weight?: number;
}

/** The terms of the sum, complete and checked. */
export interface DistillationTerms {
  readonly task: { readonly loss: Loss; readonly weight: number };
  readonly logits: Required<LogitDistillation> | undefined;
  readonly features: readonly Required<FeatureDistillation>[];
}

/** The student with what learns beside it: names in checkpoints start with `student.` and `projections.0.`. */
class StudentWithProjections extends Module {
  readonly student: Module;
  /** One for each pair of layers whose sizes differ. */
  readonly projections: readonly Linear[];

  constructor(student: Module, projections: readonly Linear[]) {
    super();
    this.student = student;
    this.projections = projections;
  }

  override forward(x: Tensor): Tensor {
    return this.student.forward(x);
  }
}

/** A pair of layers, with the projection that makes their sizes alike. */
interface FeaturePair {
  readonly student: Module;
  readonly teacher: Module;
  readonly projection: Linear | undefined;
  readonly weight: number;
}

/**
 * The objective of a distillation.
 *
 * @param sampleShape of the student's input, read only where there are features
 * @param seed of projections
 * @throws UsageError for a path that names no layer, and where both models have a parameter in common; ShapeError where the
 *   models do not fit
 */
export function distillationObjective(
  student: Module,
  teacher: Module,
  terms: DistillationTerms,
  sampleShape: Shape | undefined,
  seed: number,
): Objective {
  checkApart(student, teacher);
  const pairs = terms.features.map(({ student: ofStudent, teacher: ofTeacher, weight }) => ({
    student: layerAt(student, "student", ofStudent),
    teacher: layerAt(teacher, "teacher", ofTeacher),
    weight,
  }));
  const features =
    pairs.length === 0 || !sampleShape ? [] : withProjections(student, teacher, pairs, sampleShape, seed);
  const projections = features.flatMap(({ projection }) => projection ?? []);
  const { task, logits } = terms;
  const softened = logits && klDivergence({ temperature: logits.temperature });
  return {
    trained: projections.length === 0 ? student : new StudentWithProjections(student, projections),
    frozen: teacher,
    settings: { distillation: { taskWeight: task.weight, logits, features: terms.features } },
    trace(x, target) {
      const seen = forwardBoth(student, teacher, features, x);
      const losses = [
        ...(task.weight > 0 ? [task.loss(seen.student.outputs, target).mul(task.weight)] : []),
        ...(logits && softened ? [softened(seen.student.outputs, seen.teacher.outputs).mul(logits.weight)] : []),
        ...features.map((pair) => featureLoss(pair, seen.student.of(pair.student), seen.teacher.of(pair.teacher))),
      ];
      return { outputs: seen.student.outputs, loss: losses.reduce((sum, loss) => sum.add(loss)) };
    },
  };
}

/** What a model gave, and what its layers did. */
interface Seen {
  readonly outputs: Tensor;
  of(layer: Module): Tensor;
}

function forwardBoth(
  student: Module,
  teacher: Module,
  pairs: readonly Omit<FeaturePair, "projection">[],
  x: Tensor,
): { student: Seen; teacher: Seen } {
  const ofStudent = pairs.map((pair) => pair.student);
  const ofTeacher = pairs.map((pair) => pair.teacher);
  return {
    student: watched("student", student, ofStudent, x),
    teacher: inEvaluationMode(teacher, () => watched("teacher", teacher, ofTeacher, viewedBy(teacher, x))),
  };
}

function watched(role: string, model: Module, layers: readonly Module[], x: Tensor): Seen {
  const { result, calls } = watchLayers(layers, () => model.forward(x));
  return {
    outputs: result,
    of(layer) {
      const found = calls.get(layer) ?? [];
      if (found.length === 1) return found[0].output;
      throw new UsageError(
        `a layer whose features are distilled must run once in each forward pass, but one of the ${role}'s (${layer.constructor.name}) ran ${found.length} times`,
      );
    },
  };
}

/** A batch in the shape that the teacher takes, where it has the values for it: an image becomes a row, a row an image. */
function viewedBy(teacher: Module, x: Tensor): Tensor {
  const shape = teacher.inputShape;
  const isKnown = shape?.every((size): size is number => size !== null) ?? false;
  if (!shape || !isKnown || elementCount(shape as Shape) !== elementCount(x.shape.slice(1))) return x;
  return x.reshape([x.shape[0], ...(shape as Shape)]);
}

function featureLoss({ projection, weight }: FeaturePair, student: Tensor, teacher: Tensor): Tensor {
  const features = projection ? projection.forward(student) : student;
  if (formatShape(features.shape) !== formatShape(teacher.shape)) {
    throw new ShapeError(
      `hidden features must agree but for their last axis, got ${formatShape(student.shape)} of the student and ${formatShape(teacher.shape)} of the teacher`,
    );
  }
  return meanSquaredError(features, teacher.stopGradient()).mul(weight);
}

/** Runs both models on one sample to see the sizes of the features. */
function withProjections(
  student: Module,
  teacher: Module,
  pairs: readonly Omit<FeaturePair, "projection">[],
  sampleShape: Shape,
  seed: number,
): FeaturePair[] {
  const parameters = [student, teacher].flatMap((model) => distinctParameters(model).map(([, parameter]) => parameter));
  using run = compile(([x, ...values]) => {
    const body = (): Tensor[] => {
      const seen = forwardBoth(student, teacher, pairs, x);
      return pairs.flatMap((pair) => [seen.student.of(pair.student), seen.teacher.of(pair.teacher)]);
    };
    return traceWithParameters(parameters, values, {}, body).results;
  });
  const inputs = [
    tensor(new Float32Array(elementCount(sampleShape)), [1, ...sampleShape]),
    ...parameters.map(({ value, shape }) => tensor(value, shape)),
  ];
  const outputs = inEvaluationMode(student, () => run(inputs));
  const sizes = outputs.map(({ shape }) => shape.at(-1) ?? 1);
  for (const array of [...inputs, ...outputs]) array.dispose();
  return pairs.map((pair, i) => {
    const [from, to] = [sizes[2 * i], sizes[2 * i + 1]];
    return { ...pair, projection: from === to ? undefined : new Linear(from, to, { seed: seed + i }) };
  });
}

function layerAt(model: Module, role: string, path: string): Module {
  const places = model.namedModules();
  const found = places.find(([at]) => at === path);
  if (found) return found[1];
  const paths = places.flatMap(([at]) => (at === "" ? [] : [at])).join(", ");
  throw new UsageError(`the ${role} has no layer ${JSON.stringify(path)}; its layers are: ${paths}`);
}

/** A parameter of both would be trained and held fixed at once. */
function checkApart(student: Module, teacher: Module): void {
  const own = new Set(student.namedParameters().map(([, parameter]) => parameter));
  const shared = teacher.namedParameters().find(([, parameter]) => own.has(parameter));
  if (!shared) return;
  throw new UsageError(
    `teacher and student share the parameter ${shared[0]}: give the student its own, as convertToBitLinear(model, { inPlace: false }) does`,
  );
}
