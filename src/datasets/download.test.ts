import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { type DownloadProgress, type DownloadSource, downloadFiles, type PublishedFile } from "./download.ts";

const contents: Record<string, Uint8Array> = {
  "one.bin": Uint8Array.from({ length: 5000 }, (_, i) => i % 251),
  "two.bin": Uint8Array.of(1, 2, 3),
};
const files: PublishedFile[] = Object.entries(contents).map(([name, bytes]) => ({
  name,
  byteLength: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
}));

/** What the mirror in each folder of the loopback server does with a request for a file. */
const behaviours: Record<string, (response: ServerResponse, bytes: Uint8Array) => void> = {
  good: (response, bytes) => response.end(bytes),
  lost: (response) => response.writeHead(404).end("no such file"),
  wrong: (response, bytes) => response.end(bytes.map((value) => value ^ 1)),
  short: (response, bytes) => response.end(bytes.subarray(1)),
  endless: (response, bytes) => {
    const send = () => {
      while (response.write(bytes));
    };
    response.on("drain", send);
    send();
  },
  stalling: (response, bytes) => void response.write(bytes.subarray(0, 1)),
};

let cache: string;
let server: Server;
let requests: string[];

beforeEach(async () => {
  cache = join(await mkdtemp(join(tmpdir(), "bitlinear-download-")), "deep", "cache");
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    const [, mirror, name] = (request.url ?? "").split("/");
    behaviours[mirror](response, contents[name]);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(join(cache, "..", ".."), { recursive: true });
});

function source(...mirrors: string[]): DownloadSource {
  const { port } = server.address() as AddressInfo;
  const addresses = mirrors.map((mirror) => `http://127.0.0.1:${port}/${mirror}/`);
  return { files, mirrors: addresses, otherwise: "bring the files yourself" };
}

async function expectCacheHoldsAll(): Promise<void> {
  expect((await readdir(cache)).sort()).toEqual(Object.keys(contents).sort());
  for (const [name, bytes] of Object.entries(contents))
    expect(new Uint8Array(await readFile(join(cache, name)))).toEqual(bytes);
}

test("files arrive in the cache, and are not fetched again", async () => {
  const progress: DownloadProgress[] = [];
  await downloadFiles(source("good"), { cacheDirectory: cache, onProgress: (step) => progress.push(step) });
  await expectCacheHoldsAll();
  expect(progress.at(-1)).toEqual({ file: "two.bin", receivedBytes: 3, totalBytes: 3 });
  expect(progress.findLast(({ file }) => file === "one.bin")?.receivedBytes).toBe(5000);
  expect(requests).toEqual(["/good/one.bin", "/good/two.bin"]);

  await downloadFiles(source("good"), { cacheDirectory: cache });
  expect(requests).toHaveLength(2);
});

test("a damaged file in the cache is fetched again", async () => {
  await downloadFiles(source("good"), { cacheDirectory: cache });
  await writeFile(join(cache, "two.bin"), Uint8Array.of(1, 2, 4));
  await downloadFiles(source("good"), { cacheDirectory: cache });
  await expectCacheHoldsAll();
  expect(requests.slice(2)).toEqual(["/good/two.bin"]);
});

test.each(["lost", "wrong", "short", "endless"])("after a mirror that is %s comes the next", async (mirror) => {
  await downloadFiles(source(mirror, "good"), { cacheDirectory: cache });
  await expectCacheHoldsAll();
  expect(requests.slice(0, 2)).toEqual([`/${mirror}/one.bin`, "/good/one.bin"]);
});

test.each([
  ["lost", /lost\/one\.bin: expected the file, got status 404 Not Found/],
  ["wrong", /wrong\/one\.bin: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}/],
  ["short", /short\/one\.bin: expected 5000 bytes, got 4999/],
  ["endless", /endless\/one\.bin: expected 5000 bytes, got more/],
])("when every mirror is %s, the error says so and what to do", async (mirror, message) => {
  const download = downloadFiles(source(mirror), { cacheDirectory: cache });
  await expect(download).rejects.toThrow(FileError);
  await expect(download).rejects.toThrow(message);
  await expect(download).rejects.toThrow(/^one\.bin: could not be downloaded .*; bring the files yourself$/);
  expect(await readdir(cache)).toEqual([]);
});

test("where there is no network, the error gives the reason that fetch hides", async () => {
  const fetchNothing = () =>
    Promise.reject(new TypeError("fetch failed", { cause: new Error("getaddrinfo ENOTFOUND") }));
  const download = downloadFiles(source("good"), { cacheDirectory: cache, fetch: fetchNothing });
  await expect(download).rejects.toThrow(/good\/one\.bin: getaddrinfo ENOTFOUND\); bring the files yourself/);
});

test("an abort stops a stalled download, tries no other mirror and leaves no part of a file", async () => {
  const abort = new AbortController();
  const reason = new Error("enough");
  const download = downloadFiles(source("stalling", "good"), {
    cacheDirectory: cache,
    signal: abort.signal,
    onProgress: () => abort.abort(reason),
  });
  await expect(download).rejects.toBe(reason);
  expect(requests).toEqual(["/stalling/one.bin"]);
  expect(await readdir(cache)).toEqual([]);
});

test("a cache that cannot be made or written is an error of that path", async () => {
  const taken = join(cache, "..", "..", "taken");
  await writeFile(taken, "");
  await expect(downloadFiles(source("good"), { cacheDirectory: taken })).rejects.toThrow(
    /taken: the cache cannot be made/,
  );

  const blocked = join(cache, "..", "..", "blocked");
  await downloadFiles({ ...source("good"), files: [] }, { cacheDirectory: join(blocked, "one.bin") });
  await expect(downloadFiles(source("good"), { cacheDirectory: blocked })).rejects.toThrow(
    /one\.bin: .*no regular file/,
  );
  expect(await readdir(blocked)).toEqual(["one.bin"]);
});
