/** Prepared layers in WebAssembly memory. */
import { DeviceError, UnsupportedError } from "../../core/errors.ts";
import type { MatrixShape } from "../../core/ternary-matrix.ts";
import { rowsOf, type TernaryWeights } from "../../core/ternary-rows.ts";
import type { ConvolutionGeometry, LayerOptions, OutputFunction } from "../backend.ts";
import { countLayer, type Engine } from "./engine.ts";
import { aligned } from "./heap.ts";

/** As kernels/activation.h and kernels/kernel.h number them. */
const activationNumbers: Readonly<Record<string, number>> = { int8: 0, sign: 1, none: 2 };
const outputFunctionNumbers: Readonly<Record<OutputFunction, number>> = { relu: 1, squaredRelu: 2 };

/** The words of a `Plane`: addresses of trits and scales, number of scales. */
const PLANE_WORDS = 3;
/** Sizes in the module have 32 bits; a layer beyond this would not leave room for anything else. */
const MAX_BYTE_LENGTH = 2 ** 32 - 2 ** 24;

/** A prepared layer: there until all who hold it let go. */
export class LayerBlock {
  readonly address: number;
  readonly byteLength: number;
  readonly #free: () => void;
  #holders = 1;

  constructor(address: number, byteLength: number, free: () => void) {
    this.address = address;
    this.byteLength = byteLength;
    this.#free = free;
  }

  hold(): void {
    this.#holders++;
  }

  letGo(): void {
    if (--this.#holders === 0) this.#free();
  }
}

/**
 * Prepares a layer whose parts fit together; the first holder is the caller.
 *
 * @throws DeviceError when the memory is full, UnsupportedError for an activation rule that the kernels do not know
 */
export function prepareLayer(
  engine: Engine,
  planes: readonly TernaryWeights[],
  options: LayerOptions & { kernel: string },
  geometry?: ConvolutionGeometry,
): LayerBlock {
  const { exports, heap } = engine;
  checkByteLength(planes);
  const words = heap.allocate(64);
  try {
    const description = descriptionOf(engine, planes, options, geometry);
    heap.integers(words, description.length).set(description);
    const byteLength = exports.layer_byte_length(words) >>> 0;
    const address = heap.allocate(byteLength);
    try {
      exports.start_layer(address, words);
      fillPanels(engine, address, planes, options.bias);
    } catch (error) {
      heap.free(address);
      throw error;
    }
    const uncount = countLayer(engine);
    return new LayerBlock(address, byteLength, () => {
      heap.free(address);
      uncount();
    });
  } finally {
    heap.free(words);
  }
}

/** The words of kernels/wasm/wasm.cc. */
function descriptionOf(
  { kernels }: Engine,
  planes: readonly TernaryWeights[],
  { kernel, activation, outputFunction, bias }: LayerOptions & { kernel: string },
  geometry: ConvolutionGeometry | undefined,
): number[] {
  const activationNumber = activationNumbers[activation];
  if (activationNumber === undefined) {
    const known = Object.keys(activationNumbers).join(", ");
    throw new UnsupportedError(`the wasm backend has no kernels for activation ${activation}; it has: ${known}`);
  }
  const [{ outFeatures, inFeatures }] = planes;
  return [
    ...[kernels.indexOf(kernel), activationNumber, outputFunction ? outputFunctionNumbers[outputFunction] : 0],
    ...[outFeatures, inFeatures, planes.length, bias ? 1 : 0],
    ...(geometry ? [geometry.inChannels, ...geometry.kernelSize, ...geometry.stride, ...geometry.padding] : []),
    ...(geometry ? [] : [0, 0, 0, 0, 0, 0, 0]),
  ];
}

/** Fills in panel by panel, so that the trits of one panel are all that is there besides. */
function fillPanels({ exports, heap }: Engine, layer: number, planes: readonly TernaryWeights[], bias?: Float32Array) {
  const [{ outFeatures, inFeatures }] = planes;
  const rows = exports.panel_outputs(layer);
  const table = 0;
  const trits = aligned(4 * PLANE_WORDS * planes.length);
  const tritsByteLength = aligned(rows * inFeatures);
  const floats = trits + tritsByteLength * planes.length;
  const scalesByteLength = aligned(4 * outFeatures);
  const biasOffset = floats + scalesByteLength * planes.length;
  const scratch = heap.allocate(biasOffset + scalesByteLength);
  const sources = planes.map(rowsOf);
  try {
    for (const [i, { scales }] of sources.entries()) {
      const scalesAddress = scratch + floats + scalesByteLength * i;
      heap.floats(scalesAddress, scales.length).set(scales);
      const plane = [scratch + trits + tritsByteLength * i, scalesAddress, scales.length];
      heap.integers(scratch + table + 4 * PLANE_WORDS * i, PLANE_WORDS).set(plane);
    }
    if (bias) heap.floats(scratch + biasOffset, outFeatures).set(bias);
    for (let first = 0; first < outFeatures; first += rows) {
      for (const [i, source] of sources.entries()) {
        const panel = source.readRows(first, Math.min(rows, outFeatures - first));
        heap.bytes(scratch + trits + tritsByteLength * i, panel.length).set(panel);
      }
      exports.prepare_panel(layer, first / rows, scratch + table, bias ? scratch + biasOffset : 0);
    }
  } finally {
    heap.free(scratch);
  }
}

/** The trits of a plane of a layer, as they were given. */
export function readPanels(
  { exports, heap }: Engine,
  layer: number,
  plane: number,
  { outFeatures, inFeatures }: MatrixShape,
): Int8Array {
  const trits = new Int8Array(outFeatures * inFeatures);
  const panelLength = exports.panel_outputs(layer) * inFeatures;
  const scratch = heap.allocate(panelLength);
  try {
    for (let start = 0, index = 0; start < trits.length; start += panelLength, index++) {
      exports.read_panel(layer, index, plane, scratch);
      trits.set(heap.bytes(scratch, Math.min(panelLength, trits.length - start)), start);
    }
  } finally {
    heap.free(scratch);
  }
  return trits;
}

function checkByteLength(planes: readonly TernaryWeights[]): void {
  const [{ outFeatures, inFeatures }] = planes;
  const panels = Math.ceil(outFeatures / 64);
  const byteLength = panels * (planes.length * (16 * (inFeatures + 16) + 256) + 256);
  if (byteLength <= MAX_BYTE_LENGTH) return;
  const size = `${outFeatures} x ${inFeatures}, ${planes.length} times`;
  throw new DeviceError(`a layer of ${size}, is larger than WebAssembly's memory of 4 GiB: use another backend`);
}
