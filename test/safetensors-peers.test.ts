/** Safetensors files that we write, read by readers that nobody here wrote: the values by one, header and shards by another. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  encodeFloats,
  type StreamedTensor,
  writeSafetensorsShards,
  writeSafetensorsStreamed,
} from "../src/files/index.ts";
import { BitLinear, LayerNorm, Linear, Sequential } from "../src/nn/index.ts";
import { needPackage } from "./support/peer-packages.ts";

/** What is used of @jax-js/loaders. */
interface Loaders {
  readonly safetensors: {
    parse(data: Uint8Array): {
      readonly tensors: Readonly<Record<string, { dtype: string; shape: number[]; data: ArrayLike<number> }>>;
      readonly metadata?: Readonly<Record<string, string>>;
    };
  };
}

type Header = Readonly<Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>>;

/** What is used of @huggingface/hub. */
interface Hub {
  parseSafetensorsMetadata(options: {
    repo: string;
    path?: string;
    hubUrl: string;
    fetch: typeof fetch;
    computeParametersCount: true;
  }): Promise<{
    readonly sharded: boolean;
    readonly header?: Header;
    readonly headers?: Readonly<Record<string, Header>>;
    readonly parameterCount: Readonly<Record<string, number>>;
  }>;
}

const metadata = { format: "pt", note: 'größe \u0000 "quoted"' };
const state = new Sequential(new Linear(6, 5), new LayerNorm(5), new BitLinear(5, 3)).stateDict();
const floats: readonly StreamedTensor[] = Object.entries(state).map(([name, { shape, data }]) =>
  streamed(name, "F32", shape, encodeFloats(data, "F32")),
);
const weight = Float32Array.of(1, -0.5, 65504, 2 ** -24);
const others: readonly StreamedTensor[] = [
  streamed("codes", "U8", [3], Uint8Array.of(0, 128, 255)),
  streamed("trits", "I8", [3], Uint8Array.of(255, 0, 1)),
  streamed("half", "F16", [2, 2], encodeFloats(weight, "F16")),
  streamed("brain", "BF16", [4], encodeFloats(weight, "BF16")),
];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-peers-"));
});

afterAll(() => rm(folder, { recursive: true }));

function streamed(
  name: string,
  dtype: StreamedTensor["dtype"],
  shape: readonly number[],
  bytes: Uint8Array,
): StreamedTensor {
  return { name, dtype, shape, byteLength: bytes.length, chunks: () => [bytes] };
}

test("a float model loads in @jax-js/loaders", async (context) => {
  const { safetensors } = await needPackage<Loaders>(context, "@jax-js/loaders");
  const path = join(folder, "floats.safetensors");
  await writeSafetensorsStreamed(path, [...floats, ...others.slice(0, 2)], metadata);
  const { tensors, metadata: read } = safetensors.parse(new Uint8Array(await readFile(path)));
  expect(read).toEqual(metadata);
  expect(Object.keys(tensors).sort()).toEqual([...Object.keys(state), "codes", "trits"].sort());
  for (const [name, { shape, data }] of Object.entries(state)) {
    expect(tensors[name]).toEqual({ dtype: "F32", shape: [...shape], data });
  }
  expect([...Array.from(tensors.codes.data), ...Array.from(tensors.trits.data)]).toEqual([0, 128, 255, -1, 0, 1]);
});

/** Answers for the files of a folder as a server of models does: by ranges, with their lengths. */
const fetchFromFolder: typeof fetch = async (input, init) => {
  const name = decodeURIComponent(
    new URL(input instanceof Request ? input.url : input).pathname.split("/").at(-1) ?? "",
  );
  if (!(await readdir(folder)).includes(name)) {
    return new Response(null, { status: 404, headers: { "X-Error-Code": "EntryNotFound" } });
  }
  const bytes = new Uint8Array(await readFile(join(folder, name)));
  const range = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init?.headers).get("range") ?? "");
  if (range === null) return new Response(bytes, { headers: { ETag: name } });
  const [begin, end] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
  const headers = { ETag: name, "Content-Range": `bytes ${begin}-${end}/${bytes.length}` };
  return new Response(bytes.subarray(begin, end + 1), { status: 206, headers });
};

const all = [...floats, ...others];
const parameterCount = {
  F32: floats.reduce((sum, { byteLength }) => sum + byteLength / 4, 0),
  ...{ U8: 3, I8: 3, F16: 4, BF16: 4 },
};

test("a file's header is read by @huggingface/hub", async (context) => {
  const hub = await needPackage<Hub>(context, "@huggingface/hub");
  await writeSafetensorsStreamed(join(folder, "all.safetensors"), all, metadata);
  const place = { repo: "a/model", hubUrl: "http://localhost", fetch: fetchFromFolder };
  const read = await hub.parseSafetensorsMetadata({ ...place, path: "all.safetensors", computeParametersCount: true });
  expect(read).toMatchObject({ sharded: false, parameterCount, header: { __metadata__: metadata } });
  for (const { name, dtype, shape } of all) expect(read.header?.[name]).toMatchObject({ dtype, shape: [...shape] });
});

test("shards are found by @huggingface/hub, each with its tensors", async (context) => {
  const hub = await needPackage<Hub>(context, "@huggingface/hub");
  const path = join(folder, "model.safetensors.index.json");
  await writeSafetensorsShards(path, all, metadata, { maxShardByteLength: 100 });
  const place = { repo: "a/model", hubUrl: "http://localhost", fetch: fetchFromFolder };
  const read = await hub.parseSafetensorsMetadata({ ...place, computeParametersCount: true });
  expect(read).toMatchObject({ sharded: true, parameterCount });
  const headers = Object.values(read.headers ?? {});
  expect(headers.length).toBeGreaterThan(2);
  const names = headers.flatMap((header) => Object.keys(header).filter((name) => name !== "__metadata__"));
  expect(names.sort()).toEqual(all.map(({ name }) => name).sort());
});
