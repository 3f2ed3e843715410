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
import { type JsonLimits, parseBoundedJson } from "../runtime/bounded-json.ts";

/** How a checkpoint that says too little of itself is to be read. */
export interface OpenCheckpointOptions {
  /**
   * Whether `weight_scale` of packed Hugging Face files multiplies (`autobitlinear`) or divides (`bitlinear`), where no
   * config.json stands beside the file.
   */
  readonly linearClass?: string | undefined;
}

/** What the config.json beside a file holds. */
export interface Configuration {
  readonly members: Readonly<Record<string, unknown>>;
  readonly file: string;
}

const START_BYTES = 64;
const CONFIG_LIMITS: JsonLimits = { length: 2 ** 24, depth: 64, values: 2 ** 20 };

/** A file to be recognised and read. */
export class CheckpointSource implements AsyncDisposable {
  /** What the caller named. */
  readonly source: ByteSource;
  readonly options: OpenCheckpointOptions;
  /** The file's first bytes, fewer where it has fewer. */
  readonly start: Uint8Array;
  readonly ranges: RangeSource;
  readonly #opened: AsyncDisposable[];
  #shards: readonly Pick<RangeSource, "file" | "byteLength">[] = [];
  #safetensors: Promise<SafetensorsReader> | undefined;

  private constructor(source: ByteSource, ranges: RangeSource, start: Uint8Array, options: OpenCheckpointOptions) {
    this.source = source;
    this.ranges = ranges;
    this.start = start;
    this.options = options;
    this.#opened = [ranges];
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

  /** All files that are read: this one, and the shards where it is an index. */
  get files(): readonly string[] {
    return [this.file, ...this.#shards.map(({ file }) => file)];
  }

  /** Of all files. */
  get byteLength(): number {
    return this.#shards.reduce((sum, { byteLength }) => sum + byteLength, this.ranges.byteLength);
  }

  /** Whether the file begins with these bytes. */
  startsWith(bytes: Iterable<number>): boolean {
    return [...bytes].every((byte, i) => this.start[i] === byte);
  }

  /** Hands over a reader, which is closed with the source. */
  own<Reader extends AsyncDisposable>(reader: Reader): Reader {
    this.#opened.push(reader);
    return reader;
  }

  /** The reader of a safetensors file or index, opened once; undefined where the file is none. @throws FileError when it is damaged */
  async safetensors(): Promise<SafetensorsReader | undefined> {
    if (!this.#looksLikeSafetensors()) return undefined;
    this.#safetensors ??= this.#openSafetensors();
    return await this.#safetensors;
  }

  async #openSafetensors(): Promise<SafetensorsReader> {
    const reader = this.own(await openSafetensors(this.source));
    this.#shards = reader.files.filter(({ file }) => file !== this.file);
    return reader;
  }

  /**
   * The configuration beside the file, named after the file or `config.json`, which may belong to other files of the folder;
   * undefined where there is none, or the source has no folder.
   *
   * @throws FileError when it is no JSON object
   */
  async config(): Promise<Configuration | undefined> {
    if (typeof this.source !== "string" && !(this.source instanceof URL)) return undefined;
    const { basename, dirname, extname, join } = nodeModule("node:path", this.file);
    const own = `${basename(this.file, extname(this.file))}.config.json`;
    for (const name of [own, "config.json"]) {
      const file = join(dirname(this.file), name);
      const text = await readTextIfThere(file);
      if (text === undefined) continue;
      const members = parseBoundedJson(text, CONFIG_LIMITS, name, file);
      if (isObject(members)) return { members, file };
      throw new FileError("expected a JSON object", { file });
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#safetensors?.catch(() => undefined);
    for (const opened of this.#opened.reverse()) await opened[Symbol.asyncDispose]();
  }

  /** A header stands behind its length and starts with a brace; an index, or a damaged file, is told by its name. */
  #looksLikeSafetensors(): boolean {
    return /\.(safetensors|index\.json)$/i.test(this.file) || this.start[8] === "{".charCodeAt(0);
  }
}

async function readTextIfThere(file: string): Promise<string | undefined> {
  try {
    const { bytes } = await readBytes(file, { maxByteLength: CONFIG_LIMITS.length });
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (error instanceof FileError && isMissing(error.cause)) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
