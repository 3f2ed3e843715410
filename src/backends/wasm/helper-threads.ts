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
  readonly #module: WebAssembly.Module;
  readonly #exports: ThreadExports;
  readonly #heap: Heap;
  readonly #wanted: number;
  #present = 0;
  #isLeaving = false;
  #failed = 0;

  constructor(module: WebAssembly.Module, exports: ThreadExports, heap: Heap, count: number) {
    this.#module = module;
    this.#exports = exports;
    this.#heap = heap;
    this.#wanted = count;
  }

  /** How many there are, or would be once they start: fewer than were asked for where the system refused some. */
  get count(): number {
    return this.#wanted - this.#failed;
  }

  /** How many there are now. */
  get presentCount(): number {
    return this.#present;
  }

  /** Starts them where they are not there; those that are still leaving go first. */
  start(): void {
    if (this.#present > 0 || this.count === 0) return;
    if (this.#isLeaving) {
      this.#isLeaving = false;
      this.#exports.set_leaving(0);
    }
    const count = this.count;
    for (let i = 1; i <= count; i++) this.#startOne(i);
  }

  /** Lets them end. Only while no run is under way. */
  stop(): void {
    if (this.#present === 0 || this.#isLeaving) return;
    this.#isLeaving = true;
    this.#exports.set_leaving(1);
  }

  #startOne(thread: number): void {
    const stack = this.#heap.allocate(STACK_BYTE_LENGTH);
    this.#present++;
    let isOver = false;
    const end = (hasFailed: boolean) => {
      if (isOver) return;
      isOver = true;
      this.#present--;
      if (hasFailed) this.#failed++;
      this.#heap.free(stack);
    };
    const start: HelperStart = {
      module: this.#module,
      memory: this.#heap.memory,
      stackTop: stack + STACK_BYTE_LENGTH,
      thread,
    };
    try {
      startWorker(start, end);
    } catch {
      end(true);
    }
  }
}

/** Starts a worker. `end` is told when it is over, and whether it failed: a page's policy may forbid workers of this kind. */
function startWorker(start: HelperStart, end: (hasFailed: boolean) => void): void {
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
  worker.onmessage = () => end(false);
  worker.onerror = () => end(true);
  worker.postMessage(start);
}
