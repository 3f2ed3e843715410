/**
 * Threads that help the caller's one: workers over the same memory, which sleep until a phase of a run is published, take
 * items of it until none is left (kernels/wasm/wasm.cc), and never speak to the caller.
 */
import type { Heap } from "./heap.ts";
import type { ThreadExports } from "./module-exports.ts";

const STACK_BYTE_LENGTH = 32768;

/** What a worker is told. */
interface HelperStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly stackTop: number;
  readonly thread: number;
}

/** What a worker does. As text, because no bundler has to find a file then, and no loader of the program runs in it. */
const HELP = `
  function help({ module, memory, stackTop, thread }) {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    exports.__stack_pointer.value = stackTop;
    exports.help(thread);
  }`;

/** The helpers of one memory. They start when they are first wanted, and keep no process alive. */
export class Helpers {
  /** Threads of a run, the caller's, 0, among them: helpers are 1 and up, and keep their numbers when others are missing. */
  readonly slots: number;
  readonly #module: WebAssembly.Module;
  readonly #exports: ThreadExports;
  readonly #heap: Heap;
  readonly #present = new Set<number>();
  readonly #refused = new Set<number>();
  #isLeaving = false;

  constructor(module: WebAssembly.Module, exports: ThreadExports, heap: Heap, count: number) {
    this.slots = 1 + count;
    this.#module = module;
    this.#exports = exports;
    this.#heap = heap;
  }

  /** How many there are once they are wanted: fewer than were asked for where the system refused some. */
  get count(): number {
    return this.slots - 1 - this.#refused.size;
  }

  /** How many there are now. */
  get presentCount(): number {
    return this.#present.size;
  }

  /** Starts those that are missing. One that is still leaving comes back with the next call. */
  start(): void {
    if (this.#isLeaving) {
      this.#isLeaving = false;
      this.#exports.set_leaving(0);
    }
    for (let thread = 1; thread < this.slots; thread++) {
      if (!this.#present.has(thread) && !this.#refused.has(thread)) this.#startOne(thread);
    }
  }

  /** Lets them end. Only while no run is under way. */
  stop(): void {
    if (this.#present.size === 0 || this.#isLeaving) return;
    this.#isLeaving = true;
    this.#exports.set_leaving(1);
  }

  #startOne(thread: number): void {
    const stack = this.#heap.allocate(STACK_BYTE_LENGTH);
    this.#present.add(thread);
    const end = (isRefused: boolean) => {
      if (isRefused) this.#refused.add(thread);
      if (!this.#present.delete(thread)) return; // after an error there is an exit as well
      this.#heap.free(stack);
    };
    const stackTop = stack + STACK_BYTE_LENGTH;
    try {
      startWorker({ module: this.#module, memory: this.#heap.memory, stackTop, thread }, end);
    } catch {
      end(true);
    }
  }
}

/** Starts a worker. `end` is told when it is over, and whether it never ran: a page may forbid workers of blobs. */
function startWorker(start: HelperStart, end: (isRefused: boolean) => void): void {
  const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads");
  if (threads) {
    const source = `${HELP} help(require("node:worker_threads").workerData);`;
    const worker = new threads.Worker(source, { eval: true, workerData: start, execArgv: [], env: {} });
    worker.unref();
    worker.on("error", () => end(true));
    worker.on("exit", () => end(false));
    return;
  }
  const source = `${HELP} onmessage = ({ data }) => { help(data); postMessage("over"); close(); };`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url);
  const finish = (isRefused: boolean) => {
    URL.revokeObjectURL(url);
    end(isRefused);
  };
  worker.onmessage = () => finish(false);
  worker.onerror = () => finish(true);
  worker.postMessage(start);
}
