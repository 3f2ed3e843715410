import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { FileError, ShapeError, UnsupportedError } from "../core/errors.ts";
import { type ByteSource, readBytes } from "./source.ts";

const content = Uint8Array.of(1, 2, 3, 4, 5);
let folder: string;
let path: string;
let server: Server;
let origin: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-source-"));
  path = join(folder, "model file.bin");
  await writeFile(path, content);
  server = createServer((request, response) => {
    const route = request.url?.split("?")[0];
    if (route === "/model.bin") response.end(content);
    else if (route === "/chunks") {
      for (let i = 0; i < 50; i++) response.write(new Uint8Array(1000).fill(i)); // no Content-Length
      response.end();
    } else if (route === "/broken") {
      response.writeHead(200, { "content-length": "10" });
      response.write(content, () => response.destroy());
    } else if (route === "/never") {
      response.write(content); // and nothing more
    } else {
      response.writeHead(404).end("not here");
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => vi.restoreAllMocks());

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

test("every source gives its bytes and a name", async () => {
  const sources: [ByteSource, string][] = [
    [path, path],
    [pathToFileURL(path), path],
    [pathToFileURL(path).href, path],
    [`${origin}/model.bin`, `${origin}/model.bin`],
    [new URL(`${origin}/model.bin?token=secret`), `${origin}/model.bin`],
    [new Blob([content]), "<blob>"],
    [new File([content], "model.bin"), "model.bin"],
    [content.buffer, "<bytes>"],
    [content, "<bytes>"],
  ];
  for (const [source, file] of sources) expect(await readBytes(source)).toEqual({ bytes: content, file });
});

test("bytes in memory are not copied", async () => {
  expect((await readBytes(content)).bytes).toBe(content);
  expect((await readBytes(content.buffer)).bytes.buffer).toBe(content.buffer);
});

test("an answer in many parts is put together", async () => {
  const { bytes } = await readBytes(`${origin}/chunks`);
  expect(bytes.length).toBe(50_000);
  expect(bytes.every((byte, i) => byte === Math.floor(i / 1000))).toBe(true);
});

test("no source gives more than maxByteLength", async () => {
  const sources = [path, `${origin}/model.bin`, `${origin}/chunks`, new Blob([content]), content.buffer, content];
  for (const source of sources) {
    await expect(readBytes(source, { maxByteLength: 4 })).rejects.toThrow(FileError);
    await expect(readBytes(source, { maxByteLength: 4 })).rejects.toThrow(/at most 4 bytes allowed, got \d+/);
  }
  expect((await readBytes(`${origin}/chunks`, { maxByteLength: 50_000 })).bytes.length).toBe(50_000);
  expect((await readBytes(path, { maxByteLength: 5 })).bytes.length).toBe(5);
  await expect(readBytes(content, { maxByteLength: Number.NaN })).rejects.toThrow(ShapeError);
});

test.each<[string, () => ByteSource, RegExp]>([
  ["a missing file", () => join(folder, "absent"), /absent: it cannot be read: there is no such file/],
  ["a missing file by URL", () => pathToFileURL(join(folder, "absent")), /there is no such file/],
  ["a folder", () => folder, /no regular file/],
  ["a file URL of another machine", () => new URL("file://elsewhere/a"), /^file:\/\/elsewhere\/a: .*no local path/],
  ["an address without file", () => `${origin}/absent`, /\/absent: the server answers 404 Not Found/],
  ["a connection that breaks off", () => `${origin}/broken`, /it cannot be fetched/],
  ["a server that is not there", () => "http://127.0.0.1:1/model", /it cannot be fetched/],
  ["an impossible URL", () => "https://[", /not a valid URL/],
])("%s is a FileError", async (_, source, message) => {
  await expect(readBytes(source())).rejects.toThrow(FileError);
  await expect(readBytes(source())).rejects.toThrow(message);
});

test("what failed below is kept as the cause", async () => {
  const error = await readBytes(join(folder, "absent")).catch((caught: unknown) => caught);
  expect(error).toHaveProperty("cause.code", "ENOENT");
});

test.each([[new URL("ftp://host/model")], [42], [null], [new Float32Array(2)], [{ path: "model" }]])(
  "%s is no source",
  async (source) => {
    await expect(readBytes(source as ByteSource)).rejects.toThrow(UnsupportedError);
    await expect(readBytes(source as ByteSource)).rejects.toThrow(/bytes|Uint8Array/);
  },
);

test("a path where there is no file system says what to pass instead", async () => {
  vi.stubGlobal("process", undefined); // as in a browser
  const reading = Promise.allSettled([readBytes("model.bin"), readBytes("file:///model.bin"), readBytes(content)]);
  vi.unstubAllGlobals();
  const [byPath, byUrl, inMemory] = await reading;
  for (const result of [byPath, byUrl]) {
    expect(result).toHaveProperty("reason", expect.any(UnsupportedError));
    expect(result).toHaveProperty(
      "reason.message",
      expect.stringMatching(/only in Node: pass an http\(s\) URL, a File/),
    );
  }
  expect(inMemory.status).toBe("fulfilled");
});

test("an aborted read rejects with the signal's reason", async () => {
  const reason = new Error("stopped by the user");
  for (const source of [path, `${origin}/model.bin`, new Blob([content]), content]) {
    await expect(readBytes(source, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  }
  const controller = new AbortController();
  const reading = readBytes(`${origin}/never`, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 20);
  await expect(reading).rejects.toBe(reason);
});
