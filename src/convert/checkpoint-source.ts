/** One file that several kinds of checkpoints look at: its first bytes, its readers, and the files beside it. */
import { FileError } from "../core/errors.ts";
import {
  type ByteSource,
  nodeModule,
  openRanges,
  openSafetensors,
  type RangeSource,
  readBytes,
  type SafetensorsReader,
} from "../files/index.ts";

/** How a checkpoint that says too little of itself is to be read. */
export interface OpenCheckpointOptions {
  /**
   * Whether `weight_scale` of packed Hugging Face files multiplies (`autobitlinear`) or divides (`bitlinear`), where no
   * config.json stands beside the file.
   */
  readonly linearClass?: string | undefined;
}

const START_BYTES = 64;
const MAX_CONFIG_BYTES = 1 << 24;

/** A file to be recognised and read. */
export class CheckpointSource implements AsyncDisposable {
  /** What the caller named. */
  readonly source: ByteSource;
  readonly options: OpenCheckpointOptions;
  /** The file's first bytes, fewer where it has fewer. */
  readonly start: Uint8Array;
  readonly ranges: RangeSource;
  #safetensors: Promise<SafetensorsReader> | undefined;

  private constructor(source: ByteSource, ranges: RangeSource, start: Uint8Array, options: OpenCheckpointOptions) {
    this.source = source;
    this.ranges = ranges;
    this.start = start;
    this.options = options;
  }

  /** @throws FileError when the file cannot be read */
  static async open(source: ByteSource, options: OpenCheckpointOptions = {}): Promise<CheckpointSource> {
    const ranges = await openRanges(source);
    try {
      const start = await ranges.read(0, Math.min(START_BYTES, ranges.byteLength));
      return new CheckpointSource(source, ranges, start, options);
    } catch (error) {
      await ranges[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Path or name for messages. */
  get file(): string {
    return this.ranges.file;
  }

  /** Whether the file begins with these bytes. */
  startsWith(...bytes: number[]): boolean {
    return bytes.every((byte, i) => this.start[i] === byte);
  }

  /** The reader of a safetensors file or index, opened once; undefined where the file is none. @throws FileError when it is damaged */
  async safetensors(): Promise<SafetensorsReader | undefined> {
    if (!this.#looksLikeSafetensors()) return undefined;
    this.#safetensors ??= openSafetensors(this.source);
    return await this.#safetensors;
  }

  /** The text of a file beside this one; undefined where there is none, or the source has no folder. */
  async readBeside(name: string): Promise<{ readonly text: string; readonly file: string } | undefined> {
    if (typeof this.source !== "string" && !(this.source instanceof URL)) return undefined;
    const { dirname, join } = nodeModule("node:path", this.file);
    const file = join(dirname(this.file), name);
    const { bytes } = await readBytes(file, { maxByteLength: MAX_CONFIG_BYTES }).catch((error: unknown) => {
      if (error instanceof FileError && isMissing(error.cause)) return { bytes: undefined };
      throw error;
    });
    return bytes && { text: new TextDecoder().decode(bytes), file };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const reader = await this.#safetensors?.catch(() => undefined);
    await reader?.[Symbol.asyncDispose]();
    await this.ranges[Symbol.asyncDispose]();
  }

  /** A header starts with its length and "{"; an index is JSON by its name. */
  #looksLikeSafetensors(): boolean {
    return this.file.endsWith(".safetensors") || this.file.endsWith(".index.json") || this.start[8] === 0x7b;
  }
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
