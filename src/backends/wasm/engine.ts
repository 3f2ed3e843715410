/** An instance of the module with its memory and its threads; all layers of one number of threads share it. */
import { canShareMemory } from "./features.ts";
import { Heap, makeMemory } from "./heap.ts";
import { Helpers } from "./helper-threads.ts";
import { loadModule } from "./load-module.ts";
import type { ModuleExports, ThreadExports } from "./module-exports.ts";
import { RunSpace } from "./run-space.ts";

/** Everything that layers run on. */
export interface Engine {
  readonly exports: ModuleExports;
  readonly heap: Heap;
  /** Names of the kernels, best first; the module is told the index. */
  readonly kernels: readonly string[];
  /** Undefined in the engine of one thread. */
  readonly helpers: Helpers | undefined;
  /** For runs that end before they return, and for those that give the caller's thread back in between. */
  readonly atOnce: RunSpace;
  readonly later: RunSpace;
  /** Runs of the second kind that wait or are under way, and the end of the last one. */
  laterRuns: number;
  lastRun: Promise<void>;
  /** Layers that hold memory. */
  layers: number;
}

const engines = new Map<number, Promise<Engine>>();

/**
 * The engine of a number of threads, or of one where threads cannot share memory.
 *
 * @throws Error (the JavaScript engine's) where WebAssembly is forbidden or gets no memory
 */
export function openEngine(threads: number): Promise<Engine> {
  const possible = canShareMemory() ? threads : 1;
  let engine = engines.get(possible);
  if (engine === undefined) {
    engine = makeEngine(possible);
    engines.set(possible, engine);
    engine.catch(() => engines.delete(possible)); // the next one tries again
  }
  return engine;
}

/** Threads that share the work of a layer. */
export function threadsOf({ helpers }: Engine): number {
  return 1 + (helpers?.count ?? 0);
}

/** Threads that a run is planned for: those that were refused keep their numbers. */
export function slotsOf({ helpers }: Engine): number {
  return helpers?.slots ?? 1;
}

/** Counts a layer in. Call the result once when its memory is given back: the last layer lets helpers and workspaces go. */
export function countLayer(engine: Engine): () => void {
  engine.layers++;
  return () => {
    if (--engine.layers > 0) return;
    engine.helpers?.stop();
    engine.atOnce.clear();
    engine.later.clear();
  };
}

async function makeEngine(threads: number): Promise<Engine> {
  const isShared = threads > 1;
  const module = await loadModule(isShared);
  const memory = makeMemory(isShared);
  const exports = (await WebAssembly.instantiate(module, { env: { memory } })).exports as ThreadExports;
  const heap = new Heap(memory, exports.__heap_base.value);
  return {
    exports,
    heap,
    kernels: kernelNames(exports, heap),
    helpers: isShared ? new Helpers(module, exports, heap, threads - 1) : undefined,
    atOnce: new RunSpace(exports, heap),
    later: new RunSpace(exports, heap),
    laterRuns: 0,
    lastRun: Promise.resolve(),
    layers: 0,
  };
}

function kernelNames(exports: ModuleExports, heap: Heap): string[] {
  const names: string[] = [];
  for (let address = exports.kernel_id(0); address !== 0; address = exports.kernel_id(names.length)) {
    const bytes = heap.bytes(address, 32);
    names.push(String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0))));
  }
  return names;
}
