/** Running a deployed model on many samples. */
import { elementCount, type Shape } from "../core/shape.ts";
import type { DeployedModel } from "../runtime/deployed-model.ts";

/** Samples that run together: enough for every kernel, few enough that progress is seen. */
const BATCH_SIZE = 100;

/** Outputs of many samples. */
export interface ModelRun {
  /** Row-major `[count, ...sampleOutputShape]`. */
  readonly outputs: Float32Array;
  readonly sampleOutputShape: Shape;
  /** Time in the model alone. */
  readonly seconds: number;
}

/**
 * Runs a model batch by batch.
 *
 * @param inputs `[count, ...sampleShape]` row-major, at least one sample
 * @param onBatch called after each batch with the number of samples done
 * @throws ShapeError when samples of this shape do not fit the model
 */
export async function runModel(
  model: DeployedModel,
  inputs: Float32Array,
  sampleShape: Shape,
  onBatch: (done: number) => void = () => {},
): Promise<ModelRun> {
  const size = elementCount(sampleShape);
  const count = inputs.length / size;
  const runBatch = (start: number) => {
    const end = Math.min(start + BATCH_SIZE, count);
    return model.runTensor(inputs.subarray(start * size, end * size), shapeOption(model, end - start, sampleShape));
  };
  const parts: Float32Array[] = [];
  let sampleOutputShape: Shape = [];
  let seconds = 0;
  for (let start = 0; start < count; start += BATCH_SIZE) {
    const started = performance.now();
    const { data, shape } = await runBatch(start);
    seconds += (performance.now() - started) / 1000;
    parts.push(data);
    sampleOutputShape = shape.slice(1);
    onBatch(Math.min(start + BATCH_SIZE, count));
  }
  const outputs = new Float32Array(count * elementCount(sampleOutputShape));
  parts.reduce((at, part) => {
    outputs.set(part, at);
    return at + part.length;
  }, 0);
  return { outputs, sampleOutputShape, seconds };
}

/** A model that knows the shape of its samples takes any array of as many values; another has to be told. */
function shapeOption(model: DeployedModel, count: number, sampleShape: Shape): { shape?: Shape } {
  const known = model.graph.inputShape;
  return known !== undefined && !known.includes(null) ? {} : { shape: [count, ...sampleShape] };
}
