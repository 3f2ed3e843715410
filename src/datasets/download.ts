/** Fetches the files of a data set from its public mirrors into a cache, checked by length and SHA-256. Node only. */
import { FileError } from "../core/errors.ts";
import { nodeModule, writeFileAtomic } from "../files/index.ts";
import { reasonOf } from "./data-directory.ts";

/** A file as its publisher describes it. */
export interface PublishedFile {
  readonly name: string;
  readonly byteLength: number;
  /** Lower-case hexadecimal digits. */
  readonly sha256: string;
}

/** How far the download of one file has come. */
export interface DownloadProgress {
  readonly file: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

/** How a download runs; the parts that every data set leaves to its caller. */
export interface DownloadOptions {
  /** Directory that receives the files; made where absent. */
  cacheDirectory: string;
  /** Stands in for the global `fetch`. */
  fetch?: typeof fetch;
  /** Stops the download; files that are complete stay in the cache. */
  signal?: AbortSignal;
  /** Called as bytes arrive. */
  onProgress?: (progress: DownloadProgress) => void;
}

/** What to download, and from where. */
export interface DownloadSource {
  readonly files: readonly PublishedFile[];
  /** Addresses to which a file's name is appended, tried in order. */
  readonly mirrors: readonly string[];
  /** What a user without a network can do; ends the error message. */
  readonly otherwise: string;
}

/**
 * Makes the cache hold every file of `source`. Files that are there already and right are not fetched again; a file
 * appears under its name only when it is complete and checked.
 *
 * @throws FileError when no mirror gave a file as published (says what each answered), or the cache cannot be written
 * @throws the reason of `signal` when it aborts
 */
export async function downloadFiles(source: DownloadSource, options: DownloadOptions): Promise<void> {
  const { cacheDirectory, signal } = options;
  const { mkdir } = nodeModule("node:fs/promises", cacheDirectory);
  const { join } = nodeModule("node:path", cacheDirectory);
  signal?.throwIfAborted();
  await mkdir(cacheDirectory, { recursive: true }).catch((cause: unknown) => {
    throw new FileError(`the cache cannot be made (${reasonOf(cause)})`, { file: cacheDirectory }, { cause });
  });
  for (const file of source.files) {
    const path = join(cacheDirectory, file.name);
    if (await isCached(path, file)) continue;
    await writeFileAtomic(path, await fetchFromMirrors(source, file, options));
  }
}

async function isCached(path: string, file: PublishedFile): Promise<boolean> {
  const { readFile, stat } = nodeModule("node:fs/promises", path);
  const status = await stat(path).catch(() => null); // absent or unreadable: fetched anew, and writing reports the rest
  return status?.size === file.byteLength && sha256Of(await readFile(path), path) === file.sha256;
}

async function fetchFromMirrors(
  { mirrors, otherwise }: DownloadSource,
  file: PublishedFile,
  options: DownloadOptions,
): Promise<Uint8Array> {
  const failures: unknown[] = [];
  const answers: string[] = [];
  for (const mirror of mirrors) {
    const address = mirror + file.name;
    try {
      return await fetchChecked(address, file, options);
    } catch (cause) {
      options.signal?.throwIfAborted(); // stopped on purpose: another mirror would not help
      failures.push(cause);
      answers.push(cause instanceof FileError ? cause.message : `${address}: ${rootReasonOf(cause)}`);
    }
  }
  throw new FileError(
    `could not be downloaded (${answers.join("; ")}); ${otherwise}`,
    { file: file.name },
    { cause: new AggregateError(failures) },
  );
}

async function fetchChecked(address: string, file: PublishedFile, options: DownloadOptions): Promise<Uint8Array> {
  const { fetch: fetchFile = fetch, signal = null, onProgress } = options;
  const response = await fetchFile(address, { signal });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new FileError(`expected the file, got status ${response.status} ${response.statusText}`, { file: address });
  }
  const bytes = new Uint8Array(file.byteLength);
  let receivedBytes = 0;
  for await (const chunk of response.body) {
    if (receivedBytes + chunk.length > file.byteLength) {
      throw new FileError(`expected ${file.byteLength} bytes, got more`, { file: address }); // leaving the loop cancels
    }
    bytes.set(chunk, receivedBytes);
    receivedBytes += chunk.length;
    onProgress?.({ file: file.name, receivedBytes, totalBytes: file.byteLength });
  }
  if (receivedBytes < file.byteLength) {
    throw new FileError(`expected ${file.byteLength} bytes, got ${receivedBytes}`, { file: address });
  }
  const sha256 = sha256Of(bytes, address);
  if (sha256 !== file.sha256) {
    throw new FileError(`expected SHA-256 ${file.sha256}, got ${sha256}`, { file: address });
  }
  return bytes;
}

function sha256Of(bytes: Uint8Array, path: string): string {
  const { createHash } = nodeModule("node:crypto", path);
  return createHash("sha256").update(bytes).digest("hex");
}

/** `fetch` says only "fetch failed" and keeps what happened in its cause. */
function rootReasonOf(cause: unknown): string {
  let root = cause;
  while (root instanceof Error && root.cause !== undefined) root = root.cause;
  return reasonOf(root);
}
