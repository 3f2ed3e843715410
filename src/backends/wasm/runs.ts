/** Running a prepared layer: short work at once, long work in slices between which the caller's thread is free. */
import { DeviceError } from "../../core/errors.ts";
import { isShared } from "../../core/shared-memory.ts";
import { type Engine, slotsOf, threadsOf } from "./engine.ts";
import type { Work } from "./run-space.ts";

/** Work that a caller can wait for. */
const SHORT_NANOSECONDS = 1e6;
/** Work that is worth waking other threads for, which takes some 10 µs, and as long again until they are asleep. */
const SHARED_NANOSECONDS = 1e5;
/** How long a slice of long work takes. */
const SLICE_MILLISECONDS = 1;
/** Inputs and outputs of this size are in WebAssembly memory at a time, or a single sample. */
const PART_BYTE_LENGTH = 16 << 20;

/** @returns `[count, outputSize]`, at once for short work; in `y` where it is given, for long work where it is shared */
export function run(
  engine: Engine,
  work: Work,
  x: Float32Array,
  y?: Float32Array,
): Float32Array | Promise<Float32Array> {
  const isShort = work.nanoseconds <= SHORT_NANOSECONDS * threadsOf(engine);
  return isShort ? runAtOnce(engine, work, x, y) : runLater(engine, work, x, y);
}

function runAtOnce(
  engine: Engine,
  work: Work,
  x: Float32Array,
  y: Float32Array = new Float32Array(work.count * work.outputSize),
): Float32Array {
  const { exports, atOnce } = engine;
  // Only one run at a time can be published.
  const isShared = engine.helpers !== undefined && engine.laterRuns === 0 && work.nanoseconds > SHARED_NANOSECONDS;
  if (isShared) engine.helpers?.start();
  for (const { count, input, output } of partsOf(work, x, y)) {
    atOnce.begin(work, count, input(), isShared ? slotsOf(engine) : 1);
    if (isShared) exports.run_together(atOnce.run);
    else exports.run_alone(atOnce.run);
    atOnce.readOutputs(output);
  }
  return y;
}

/** Runs that begin while another one is under way wait for their turn. */
async function runLater(
  engine: Engine,
  work: Work,
  x: Float32Array,
  given: Float32Array | undefined,
): Promise<Float32Array> {
  const before = engine.lastRun;
  const isFirst = engine.laterRuns++ === 0;
  let finish = () => {};
  engine.lastRun = new Promise((resolve) => {
    finish = resolve;
  });
  try {
    if (!isFirst) await before;
    engine.helpers?.start();
    const y = given && isShared(given) ? given : new Float32Array(work.count * work.outputSize);
    for (const { count, input, output } of partsOf(work, x, y)) {
      const phases = engine.later.begin(work, count, input(), slotsOf(engine));
      for (let phase = 0; phase < phases; phase++) await runPhase(engine, phase);
      engine.later.readOutputs(output);
    }
    return y;
  } finally {
    engine.laterRuns--;
    finish();
  }
}

/** Takes items, with the helpers there are, until all are done. */
async function runPhase({ exports, later }: Engine, phase: number): Promise<void> {
  exports.publish(later.run, phase);
  let end = performance.now() + SLICE_MILLISECONDS;
  for (;;) {
    const hasWorked = exports.take_item(0) !== 0;
    if (!hasWorked && exports.is_done()) return;
    if (hasWorked && performance.now() < end) continue;
    await nextTurn();
    end = performance.now() + SLICE_MILLISECONDS;
  }
}

interface Part {
  readonly count: number;
  /** @throws DeviceError when the values are gone */
  input(): Float32Array;
  readonly output: Float32Array;
}

function partsOf({ count, inputSize, outputSize }: Work, x: Float32Array, y: Float32Array): Part[] {
  const sampleByteLength = 4 * (inputSize + outputSize) + 128; // rows of codes are padded
  const step = Math.max(1, Math.floor(PART_BYTE_LENGTH / sampleByteLength));
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => {
    const [first, end] = [i * step, Math.min(count, (i + 1) * step)];
    return {
      count: end - first,
      output: y.subarray(first * outputSize, end * outputSize),
      input() {
        if (x.length !== count * inputSize) throw new DeviceError("the input was detached during the run: pass a copy");
        return x.subarray(first * inputSize, end * inputSize);
      },
    };
  });
}

/** Resolves when the event loop has gone around once. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel(); // setTimeout would wait for 4 ms
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
