/** Where bytes come from: paths and `file:` URLs in Node, http(s) URLs, `File`s and `Blob`s, or memory. */
import { FileError, UnsupportedError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { type FileReadOptions, pathOfFileUrl, readFileBytes } from "./node-files.ts";

/** Anything that `readBytes` takes; a string is an http(s) URL, a `file:` URL or a path. */
export type ByteSource = string | URL | Blob | ArrayBuffer | Uint8Array;

/** Bytes and the name that messages call them by. */
export interface NamedBytes {
  bytes: Uint8Array;
  file: string;
}

/**
 * All bytes of a source; those that are in memory already are not copied.
 *
 * @throws FileError when they cannot be had, or are more than `maxByteLength`
 * @throws UnsupportedError when the source is of a kind that cannot be read here
 * @throws the reason of `options.signal` once it is aborted
 */
export async function readBytes(source: ByteSource, options: FileReadOptions = {}): Promise<NamedBytes> {
  const { signal, maxByteLength } = options;
  if (maxByteLength !== undefined) checkSize("maxByteLength", maxByteLength, 0);
  signal?.throwIfAborted();
  if (source instanceof Uint8Array) return checkLength({ bytes: source, file: "<bytes>" }, maxByteLength);
  if (source instanceof ArrayBuffer) {
    return checkLength({ bytes: new Uint8Array(source), file: "<bytes>" }, maxByteLength);
  }
  if (source instanceof Blob) return readBlob(source, options);
  if (source instanceof URL) return readUrl(source, options);
  if (typeof source !== "string") {
    throw new UnsupportedError(
      `expected a path, a URL, a File or Blob, an ArrayBuffer or a Uint8Array, got ${Object.prototype.toString.call(source)}`,
    );
  }
  const url = urlOf(source);
  if (url !== undefined) return readUrl(url, options);
  return { bytes: await readFileBytes(source, options), file: source };
}

async function readUrl(url: URL, options: FileReadOptions): Promise<NamedBytes> {
  if (url.protocol === "file:") {
    const path = pathOfFileUrl(url);
    return { bytes: await readFileBytes(path, options), file: path };
  }
  if (url.protocol === "http:" || url.protocol === "https:") return fetchBytes(url, options);
  throw new UnsupportedError(`cannot read ${url.protocol} URLs: pass an http:, https: or file: URL, or the bytes`);
}

async function readBlob(blob: Blob, { signal, maxByteLength }: FileReadOptions): Promise<NamedBytes> {
  const file = nameOfBlob(blob);
  checkByteLength(blob.size, file, maxByteLength);
  const bytes = await readBlobBytes(blob, file);
  signal?.throwIfAborted();
  return { bytes, file };
}

/** What messages call a blob by: its name where it is a `File`. */
export function nameOfBlob(blob: Blob): string {
  return "name" in blob && typeof blob.name === "string" && blob.name !== "" ? blob.name : "<blob>";
}

/** All bytes of a blob, or of a part of one. @throws FileError when they cannot be had any more */
export async function readBlobBytes(blob: Blob, file: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    const problem = "it cannot be read: it was moved or changed since it was chosen; choose it again";
    throw new FileError(problem, { file }, { cause });
  }
}

async function fetchBytes(url: URL, { signal, maxByteLength }: FileReadOptions): Promise<NamedBytes> {
  const file = `${url.origin}${url.pathname}`; // without the query, which may hold a secret
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    if (!response.ok) {
      await response.body?.cancel();
      const status = `${response.status} ${response.statusText}`.trim();
      throw new FileError(`the server answers ${status}: check the address`, { file });
    }
    return { bytes: await readBody(response, file, maxByteLength), file };
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    if (cause instanceof FileError) throw cause;
    throw new FileError("it cannot be fetched: check the address and the connection", { file }, { cause });
  }
}

/** Stops at the limit as the bytes come, too: a server need not announce their number, nor tell the truth. */
async function readBody(response: Response, file: string, maxByteLength: number | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  const reader = response.body?.getReader();
  try {
    checkByteLength(Number(response.headers.get("content-length") ?? 0), file, maxByteLength);
    for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
      byteLength += part.value.length;
      checkByteLength(byteLength, file, maxByteLength);
      chunks.push(part.value);
    }
  } catch (error) {
    await reader?.cancel().catch(() => undefined); // the connection is given up; the error is what matters
    throw error;
  }
  return joinChunks(chunks, byteLength);
}

/** Chunks one after the other; `byteLength` is the sum of their lengths. */
export function joinChunks(chunks: readonly Uint8Array[], byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

function checkLength(named: NamedBytes, maxByteLength: number | undefined): NamedBytes {
  checkByteLength(named.bytes.byteLength, named.file, maxByteLength);
  return named;
}

function checkByteLength(byteLength: number, file: string, maxByteLength = Number.POSITIVE_INFINITY): void {
  if (byteLength > maxByteLength) {
    throw new FileError(`at most ${maxByteLength} bytes allowed, got ${byteLength} or more`, { file });
  }
}

/** The http(s) or `file:` URL that a text is; undefined for a path. @throws FileError for a URL that is none */
export function urlOf(text: string): URL | undefined {
  if (!/^(?:https?|file):\/\//i.test(text)) return undefined;
  try {
    return new URL(text);
  } catch (cause) {
    throw new FileError("this is not a valid URL: check its spelling", { file: text }, { cause });
  }
}
