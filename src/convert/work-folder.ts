/**
 * Finished tensors of a conversion that is under way: `<out>.partial` holds their planes, and a journal that says which are
 * whole. A conversion that was stopped goes on from it, where source, plan and version are still the same.
 */
import { FileError } from "../core/errors.ts";
import type { MatrixShape } from "../core/ternary-matrix.ts";
import { VERSION } from "../core/version.ts";
import { nodeModule } from "../files/index.ts";
import type { PackedPlane } from "./checkpoints/checkpoint.ts";
import type { LayerFigures } from "./layer-figures.ts";
import { STORED_FORMAT, type StoredPlane, TensorInProgress } from "./tensor-in-progress.ts";

type FileHandle = import("node:fs/promises").FileHandle;

/** A line of the journal: a tensor that is whole. */
interface JournalEntry {
  readonly name: string;
  readonly matrix: MatrixShape;
  readonly planes: readonly StoredPlane[];
  /** First byte of the data file that belongs to no tensor. */
  readonly end: number;
  readonly figures: LayerFigures;
}

/** A tensor that is finished: where its planes begin and end, and what was measured while they were made. */
export interface FinishedTensor {
  readonly matrix: MatrixShape;
  readonly planes: readonly Pick<PackedPlane, "scales" | "groupSize">[];
  readonly figures: LayerFigures;
}

const JOURNAL = "journal.jsonl";
const DATA = "planes.bin";
/** Where the file is written before it takes its name. */
const UNFINISHED = "unfinished";

/** The folder of a conversion; it stays behind, if it holds anything, unless it is removed. */
export class WorkFolder implements AsyncDisposable {
  readonly #folder: string;
  readonly #data: FileHandle;
  readonly #journal: FileHandle;
  readonly #entries = new Map<string, JournalEntry>();
  #end = 0;

  private constructor(folder: string, data: FileHandle, journal: FileHandle) {
    this.#folder = folder;
    this.#data = data;
    this.#journal = journal;
  }

  /**
   * Opens or makes the folder of a file that is being written.
   *
   * @param identity of source and plan: what was made for another is thrown away
   */
  static async open(out: string, identity: string): Promise<WorkFolder> {
    const folder = `${out}.partial`;
    const { mkdir, open } = nodeModule("node:fs/promises", out);
    const { join } = nodeModule("node:path", out);
    try {
      await mkdir(folder, { recursive: true });
      await checkOwn(folder);
      const first = JSON.stringify({ version: VERSION, identity });
      const entries = await readJournal(join(folder, JOURNAL), first);
      const data = await open(join(folder, DATA), entries.length > 0 ? "r+" : "w+");
      const journal = await open(join(folder, JOURNAL), "w");
      const work = new WorkFolder(folder, data, journal);
      await work.#start(first, entries);
      return work;
    } catch (cause) {
      if (cause instanceof FileError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FileError(`its finished tensors cannot be kept (${reason})`, { file: folder }, { cause });
    }
  }

  /** Names of the tensors that are finished. */
  get finished(): ReadonlySet<string> {
    return new Set(this.#entries.keys());
  }

  /** A path within the folder for the file until it is checked. */
  pathFor(out: string): string {
    const { basename, join } = nodeModule("node:path", out);
    return join(this.#folder, `${UNFINISHED}-${basename(out)}`);
  }

  /** Begins a tensor; blocks of its rows may come in any order. */
  begin(name: string, matrix: MatrixShape, planes: number): TensorInProgress {
    const write = (bytes: Uint8Array, at: number) => writeAll(this.#data, bytes, at);
    return new TensorInProgress({ matrix, begin: this.#end, planes }, write, async (stored, end, figures) => {
      await this.#data.datasync(); // so that the journal never tells of bytes that are not there
      const entry: JournalEntry = { name, matrix, planes: stored, end, figures };
      await this.#append(JSON.stringify(entry));
      this.#entries.set(name, entry);
      this.#end = end;
    });
  }

  /** A finished tensor without its trits. */
  async describe(name: string): Promise<FinishedTensor> {
    const { matrix, planes, figures } = this.#entry(name);
    const described = planes.map(async (plane) => ({
      scales: await this.#readScales(plane),
      groupSize: plane.groupSize,
    }));
    return { matrix, planes: await Promise.all(described), figures };
  }

  /** The planes of a finished tensor. */
  async readPlanes(name: string): Promise<PackedPlane[]> {
    const { matrix, planes } = this.#entry(name);
    return await Promise.all(
      planes.map(async (plane): Promise<PackedPlane> => {
        const bytes = await readAll(this.#data, plane.offset, STORED_FORMAT.byteLength(matrix));
        return {
          ...{ scales: await this.#readScales(plane), groupSize: plane.groupSize },
          unpackRows: (first, count) => STORED_FORMAT.unpackRows(bytes, matrix, first, count),
        };
      }),
    );
  }

  /** Removes everything; the conversion is done. */
  async remove(): Promise<void> {
    this.#entries.clear();
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#data.close();
    await this.#journal.close();
    if (this.#entries.size > 0) return;
    await nodeModule("node:fs/promises", this.#folder).rm(this.#folder, { recursive: true, force: true });
  }

  async #start(first: string, entries: readonly JournalEntry[]): Promise<void> {
    const { size } = await this.#data.stat();
    await this.#append(first);
    for (const entry of entries) {
      if (entry.end > size) break;
      await this.#append(JSON.stringify(entry));
      this.#entries.set(entry.name, entry);
      this.#end = entry.end;
    }
    await this.#data.truncate(this.#end);
  }

  async #append(line: string): Promise<void> {
    await this.#journal.appendFile(`${line}\n`);
  }

  #entry(name: string): JournalEntry {
    const entry = this.#entries.get(name);
    if (entry) return entry;
    throw new FileError("this tensor is not finished", { file: this.#folder, tensor: name });
  }

  async #readScales({ scaleOffset, scaleCount }: StoredPlane): Promise<Float32Array> {
    const bytes = await readAll(this.#data, scaleOffset, scaleCount * 4);
    return new Float32Array(bytes.buffer);
  }
}

/** The tensors of a journal that begins as expected; none of another one, or where there is none. */
async function readJournal(path: string, first: string): Promise<JournalEntry[]> {
  const { readFile } = nodeModule("node:fs/promises", path);
  const text = await readFile(path, "utf8").catch(() => ""); // whatever the reason: then it begins anew
  const lines = text.split("\n");
  if (lines[0] !== first) return [];
  const entries: JournalEntry[] = [];
  try {
    for (const line of lines.slice(1, -1)) entries.push(JSON.parse(line)); // the last line may have been cut
  } catch {} // a damaged line: what stands before it counts
  return entries;
}

/** The folder is removed with all that is in it. @throws FileError when it holds what no conversion put there */
async function checkOwn(folder: string): Promise<void> {
  const names = await nodeModule("node:fs/promises", folder).readdir(folder);
  const foreign = names.find((name) => name !== JOURNAL && name !== DATA && !name.startsWith(UNFINISHED));
  if (foreign === undefined) return;
  const problem = `finished tensors are kept in this folder, and it holds ${JSON.stringify(foreign)}, which is none`;
  throw new FileError(`${problem}: move that away, or give the new file another name`, { file: folder });
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}

async function readAll(handle: FileHandle, at: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(byteLength);
  for (let done = 0; done < byteLength; ) {
    const { bytesRead } = await handle.read(bytes, done, byteLength - done, at + done);
    if (bytesRead === 0)
      throw new FileError("the planes of finished tensors became shorter", { file: DATA, offset: at });
    done += bytesRead;
  }
  return bytes;
}
