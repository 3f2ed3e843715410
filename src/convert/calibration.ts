/** What layers are fed: second moments of their inputs, made of the arrays of a file when a layer's turn comes. */
import { FileError, ShapeError, UsageError } from "../core/errors.ts";
import { elementCount, formatShape, type Shape } from "../core/shape.ts";
import {
  type NpyArray,
  type NpzReader,
  nodeModule,
  npyToFloat32,
  openNpz,
  openRanges,
  parseNpy,
  readBytes,
} from "../files/index.ts";
import { SecondMoments } from "./fitting/index.ts";

/** A layer whose inputs are wanted, by the name of its weight. */
export interface CalibratedLayer {
  readonly name: string;
  readonly inFeatures: number;
}

/** Where inputs belong. */
export interface AssignedInputs {
  /** Names of the layers that have some. */
  readonly layers: readonly string[];
  /** Names of inputs of tensors that stay as they are. */
  readonly unused: readonly string[];
}

/** Inputs of some layers. */
export interface Calibration extends AsyncDisposable {
  /** What planes depend on: the size and time of the file. */
  readonly identity: string;
  /**
   * Finds the layers that inputs belong to.
   *
   * @param stay other tensors: their inputs are not used
   * @throws UsageError when inputs belong to no tensor, or to several, or have another width than theirs
   */
  assign(layers: readonly CalibratedLayer[], stay: readonly string[]): AssignedInputs;
  /** The second moments of a layer's inputs; undefined where there are none. */
  moments(layer: CalibratedLayer): Promise<SecondMoments | undefined>;
}

const ZIP_MAGIC = [0x50, 0x4b];

/** Inputs that are in memory, by the name of the weight or of its module. */
export function givenCalibration(given: ReadonlyMap<string, SecondMoments>): Calibration {
  let assigned: ReadonlyMap<string, SecondMoments> = new Map();
  return {
    identity: JSON.stringify([...given].map(([name, moments]) => [name, moments.tokens, ...fingerprint(moments)])),
    assign(layers, stay) {
      const unused = [...given.keys()].filter((name) => stay.some((tensor) => isOf(name, tensor)));
      const used = [...given].filter(([name]) => !unused.includes(name));
      assigned = new Map(used.map(([name, moments]) => [givenLayer(name, moments, layers), moments]));
      return { layers: [...assigned.keys()], unused };
    },
    moments: async ({ name }) => assigned.get(name),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Numbers that other inputs do not share, but by a rare accident. */
function fingerprint(moments: SecondMoments): number[] {
  const squares = moments.diagonal();
  return [squares.length, squares.reduce((sum, x) => sum + x, 0), squares.reduce((sum, x, i) => sum + i * x, 0)];
}

function givenLayer(name: string, { inFeatures }: SecondMoments, layers: readonly CalibratedLayer[]): string {
  const layer = layers.find((each) => isOf(name, each.name));
  if (layer === undefined) throw new UsageError(describeUnknown(name, layers));
  if (layer.inFeatures === inFeatures) return layer.name;
  throw new UsageError(`${layer.name} takes ${layer.inFeatures} inputs, and its calibration inputs have ${inFeatures}`);
}

/**
 * Opens the inputs of layers: an `.npz` with an array for each layer, named after its weight or its module, or an `.npy` with
 * those of the only layer that takes inputs of its width. The last axis of an array counts the inputs of a layer.
 *
 * @throws FileError when the file cannot be read
 */
export async function openCalibration(path: string): Promise<Calibration> {
  const identity = await identityOf(path);
  if (!(await isZip(path))) {
    const array = parseNpy((await readBytes(path)).bytes, path);
    return fromArrays(path, identity, new Map([["", array.shape]]), async () => array);
  }
  const reader: NpzReader = await openNpz(path);
  const shapes = new Map([...reader.tensors].map(([name, { shape }]) => [name, shape]));
  const calibration = fromArrays(path, identity, shapes, (name) => reader.read(name));
  return { ...calibration, [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose]() };
}

async function isZip(path: string): Promise<boolean> {
  await using ranges = await openRanges(path);
  const start = await ranges.read(0, Math.min(ZIP_MAGIC.length, ranges.byteLength));
  return ZIP_MAGIC.every((byte, i) => start[i] === byte);
}

async function identityOf(path: string): Promise<string> {
  const status = await nodeModule("node:fs/promises", path)
    .stat(path)
    .catch(() => undefined); // reading it tells what is wrong
  return JSON.stringify([path, status?.size, status?.mtimeMs]);
}

function fromArrays(
  file: string,
  identity: string,
  shapes: ReadonlyMap<string, Shape>,
  read: (name: string) => Promise<NpyArray>,
): Calibration {
  let assigned: ReadonlyMap<string, string> = new Map();
  return {
    identity,
    assign(layers, stay) {
      const unused = [...shapes.keys()].filter((name) => stay.some((tensor) => isOf(name, tensor)));
      const used = [...shapes].filter(([name]) => !unused.includes(name));
      assigned = new Map(used.map(([name, shape]) => [layerFor(name, shape, layers, file), name]));
      return { layers: [...assigned.keys()], unused };
    },
    async moments({ name, inFeatures }) {
      const array = assigned.get(name);
      if (array === undefined) return undefined;
      const moments = new SecondMoments(inFeatures);
      try {
        moments.add(npyToFloat32(await read(array)));
      } catch (cause) {
        if (!(cause instanceof ShapeError)) throw cause;
        throw new FileError(cause.message, { file, tensor: array }, { cause });
      }
      return moments;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Whether an array is named after a tensor, or after the module whose weight it is. */
function isOf(array: string, tensor: string): boolean {
  return array !== "" && (tensor === array || tensor === `${array}.weight`);
}

/** The layer that an array belongs to. */
function layerFor(name: string, shape: Shape, layers: readonly CalibratedLayer[], file: string): string {
  const width = shape.at(-1) ?? 1;
  if (elementCount(shape) === 0 || shape.length < 2) {
    throw new UsageError(`${file}: inputs are arrays [..., inputs of the layer], got ${name} ${formatShape(shape)}`);
  }
  if (name === "") return onlyLayerOfWidth(width, layers, file);
  const layer = layers.find((each) => isOf(name, each.name));
  if (layer === undefined) throw new UsageError(`${file}: ${describeUnknown(name, layers)}`);
  if (layer.inFeatures === width) return layer.name;
  throw new UsageError(
    `${file}: ${layer.name} takes ${layer.inFeatures} inputs, and its array ${formatShape(shape)} has ${width}`,
  );
}

function onlyLayerOfWidth(width: number, layers: readonly CalibratedLayer[], file: string): string {
  const fitting = layers.filter(({ inFeatures }) => inFeatures === width);
  if (fitting.length === 1) return fitting[0].name;
  const problem =
    fitting.length === 0
      ? `no layer that is converted takes ${width} inputs`
      : `${fitting.length} layers take ${width} inputs`;
  throw new UsageError(`${file}: ${problem}: give an .npz with an array for each layer, by its name`);
}

function describeUnknown(name: string, layers: readonly CalibratedLayer[]): string {
  const some = layers.slice(0, 3).map((layer) => layer.name);
  return `${JSON.stringify(name)} is no tensor of the model; of those that are converted from floats there are ${some.join(", ") || "none"}${layers.length > 3 ? ", ..." : ""}`;
}
