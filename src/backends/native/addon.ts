/** The Node addon (kernels/addon) as TypeScript sees it. */
import type { OutputFunction } from "../backend.ts";

/** What the addon exports. */
export interface Addon {
  /** Kernels of this machine, best first; empty when `first`, the best one allowed, is no kernel of this build. */
  kernels(first?: string): string[];
  /** Bits that a kernel's layout spends on a weight; 0 for one that is not there. */
  bitsPerWeight(kernel: string): number;
  /** GB/s, 0 where it cannot be measured. */
  measureDramRead(threads: number, byteLength: number): number;
  /** GOP/s, 0 for a kernel without such an instruction. */
  measureInt8Dot(threads: number, kernel: string): number;
  /** A layer without its panels; `activation` by the id of its rule. */
  NativeLayer: new (
    kernel: string,
    activation: string,
    outputFunction: OutputFunction | "",
    threads: number,
    sizes: Int32Array,
    planes: number,
    hasBias: boolean,
  ) => NativeLayer;
}

/** A layer in the addon's memory. `count` is of tokens, or of images with their `height` and `width`. */
export interface NativeLayer {
  readonly byteLength: number;
  /** Rows of each panel but the last one, which may have fewer. */
  readonly panelOutputs: number;
  /** Fills the next panel; `planes` alternate the trits of its rows and all scales. A layer runs when it has all panels. */
  addPanel(bias: Float32Array | null, ...planes: (Int8Array | Float32Array)[]): void;
  /** The trits of a plane of a panel again. */
  readPanel(index: number, plane: number, trits: Int8Array): void;
  /** How long one token or patch takes to meet all weights, on one thread. */
  readonly nanosecondsPerRow: number;
  /** How long an input value takes to become a code. */
  readonly nanosecondsPerValue: number;
  /** Fills `y` before it returns. */
  run(x: Float32Array, y: Float32Array, count: number, height?: number, width?: number): void;
  /** The same without keeping the event loop waiting, into shared memory or, for null, into a new array. */
  runLater(
    x: Float32Array,
    y: Float32Array | null,
    count: number,
    height?: number,
    width?: number,
  ): Promise<Float32Array>;
  dispose(): void;
}

/** The addon, or why this machine does not have it. */
export function loadAddon(): Addon | { unavailable: string } {
  const nodeProcess: NodeJS.Process | undefined = globalThis.process;
  const modules = nodeProcess?.getBuiltinModule?.("node:module");
  const urls = nodeProcess?.getBuiltinModule?.("node:url");
  if (!modules || !urls) return { unavailable: "it runs in Node only" };
  const require = modules.createRequire(import.meta.url);
  const packageRoot = urls.fileURLToPath(new URL("../../..", import.meta.url));
  const build: { (folder: string): Addon; resolve(folder: string): string } = require("node-gyp-build");
  try {
    build.resolve(packageRoot);
  } catch {
    return {
      unavailable: `it is not built for ${nodeProcess.platform} ${nodeProcess.arch}; in a checkout, npm run build:native builds it and says what it needs`,
    };
  }
  try {
    return build(packageRoot);
  } catch (error) {
    return { unavailable: `its binary does not load: ${error instanceof Error ? error.message : String(error)}` };
  }
}
