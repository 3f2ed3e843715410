/** Values of ONNX tensors in files beside the model: the only paths that a file may lead to. */
import { FileError, UnsupportedError } from "../../core/errors.ts";
import { shorten } from "../header-cursor.ts";
import { fileErrorOf } from "../node-file-errors.ts";
import { nodeModule } from "../node-modules.ts";
import { openRanges, type RangeSource } from "../ranges.ts";
import { excerpt } from "../utf8.ts";
import type { StoredOnnxTensor } from "./tensor-proto.ts";

/** Bytes of a tensor in a file of their own. */
interface ExternalRange {
  /** Name relative to the model's folder. */
  readonly location: string;
  readonly offset: number;
}

/** Opens the files beside a model, each once. */
export class ExternalFiles implements AsyncDisposable {
  readonly #model: string;
  readonly #isFile: boolean;
  readonly #open = new Map<string, Promise<RangeSource>>();

  /** @param isFile whether the model is a file of a file system, beside which others may lie */
  constructor(model: string, isFile: boolean) {
    this.#model = model;
    this.#isFile = isFile;
  }

  /**
   * Bytes `[begin, end)` of a tensor.
   *
   * @throws FileError when the place is not one beside the model, or does not hold as many bytes
   * @throws UnsupportedError when the model was not read from a file
   */
  async read(
    tensor: StoredOnnxTensor,
    entries: ReadonlyMap<string, string>,
    begin: number,
    end: number,
  ): Promise<Uint8Array> {
    const { location, offset } = this.#rangeOf(tensor, entries);
    const source = await this.#sourceOf(location, tensor);
    if (offset > source.byteLength || tensor.byteLength > source.byteLength - offset) {
      const problem = `${tensor.byteLength} bytes from byte ${offset} of ${excerpt(location)} on are not within its ${source.byteLength} bytes`;
      this.#fail(`${problem}: one of the two files is truncated or of another model`, tensor);
    }
    return await source.read(offset + begin, end - begin);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    for (const source of opened) if (source.status === "fulfilled") await source.value[Symbol.asyncDispose]();
  }

  #rangeOf(tensor: StoredOnnxTensor, entries: ReadonlyMap<string, string>): ExternalRange {
    const location = entries.get("location") ?? "";
    // Windows' separators and drives count everywhere: a file must not lead elsewhere on another system.
    const isBelow = !/^[\\/]|^[a-z]:|\0/i.test(location) && !location.split(/[\\/]/).includes("..");
    if (location === "" || !isBelow) {
      this.#fail(`its values must be in a file beside the model, got ${excerpt(location)}`, tensor);
    }
    const offset = this.#numberOf(entries, "offset", 0, tensor);
    const length = this.#numberOf(entries, "length", tensor.byteLength, tensor);
    if (length === tensor.byteLength) return { location, offset };
    this.#fail(`it takes ${tensor.byteLength} bytes, but its external data have ${length}`, tensor);
  }

  #numberOf(entries: ReadonlyMap<string, string>, key: string, fallback: number, tensor: StoredOnnxTensor): number {
    const text = entries.get(key);
    if (text === undefined) return fallback;
    if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
    this.#fail(`${key} of its external data must be a whole number from 0 to 2^53 - 1, got ${excerpt(text)}`, tensor);
  }

  #sourceOf(location: string, tensor: StoredOnnxTensor): Promise<RangeSource> {
    const known = this.#open.get(location);
    if (known) return known;
    const source = this.#openBeside(location, tensor);
    this.#open.set(location, source);
    return source;
  }

  async #openBeside(location: string, tensor: StoredOnnxTensor): Promise<RangeSource> {
    if (!this.#isFile) {
      throw new UnsupportedError(
        `${this.#model}: tensor ${JSON.stringify(shorten(tensor.name))} lies in ${excerpt(location)} beside the model, which only a path can lead to: give the model's path`,
      );
    }
    const { dirname, join, resolve, sep } = nodeModule("node:path", this.#model);
    const { realpath } = nodeModule("node:fs/promises", this.#model);
    const path = join(dirname(this.#model), location);
    try {
      // A symbolic link must not lead elsewhere either; the model itself may be one, as in caches of downloaded files.
      const real = await realpath(path);
      const folders = [await realpath(dirname(resolve(this.#model))), dirname(await realpath(this.#model))];
      if (!folders.some((folder) => real.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
        this.#fail(`${excerpt(location)} is a link to a file elsewhere: copy that file beside the model`, tensor);
      }
      return await openRanges(path);
    } catch (cause) {
      throw fileErrorOf(cause, path, "read");
    }
  }

  #fail(message: string, { name, offset }: StoredOnnxTensor): never {
    throw new FileError(message, { file: this.#model, offset, tensor: shorten(name) });
  }
}
