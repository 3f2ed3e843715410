import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { downloadMnist } from "./mnist-download.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "bitlinear-mnist-download-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("without a network both mirrors are named, and the way to do without", async () => {
  const asked: string[] = [];
  const fetchNothing: typeof fetch = (address) => {
    asked.push(String(address));
    return Promise.reject(new TypeError("fetch failed"));
  };
  const download = downloadMnist({ cacheDirectory: directory, fetch: fetchNothing });
  await expect(download).rejects.toThrow(FileError);
  await expect(download).rejects.toThrow(/ossci-datasets.*storage\.googleapis\.com.*--data DIR/);
  expect(asked).toEqual([
    "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
    "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
  ]);
});

test("a page that is not the file never reaches the cache", async () => {
  const fetchPage: typeof fetch = () => Promise.resolve(new Response("<!doctype html>please sign in"));
  const download = downloadMnist({ cacheDirectory: directory, fetch: fetchPage });
  await expect(download).rejects.toThrow(/expected 9912422 bytes, got 29/);
  expect(await readdir(directory)).toEqual([]);
});
