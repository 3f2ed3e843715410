/** What llama.cpp refuses, aborts on or misreads: a file that it loads, changed in one thing each. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { ggufFile, tensor } from "../../../test/support/gguf-file.ts";
import { checkForLlamaCpp, type GgufProblem, type LlamaCppChecked } from "./llama-cpp.ts";
import { type GgufTensor, openGguf } from "./reader.ts";
import type { GgufValue } from "./values.ts";

const golden = join(import.meta.dirname, "../../../test/golden/llama-cpp/llama_tied-tq2_0.gguf");
await using sound = await openGguf(golden);

/** The sound file with keys and tensors replaced, or removed where they are undefined. */
function changed(
  keys: Record<string, GgufValue | undefined>,
  tensors: Record<string, Partial<GgufTensor> | undefined> = {},
): LlamaCppChecked {
  const metadata = new Map(sound.metadata);
  for (const [key, value] of Object.entries(keys)) {
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
  }
  const all = new Map(sound.tensors);
  for (const [name, change] of Object.entries(tensors)) {
    const tensor: GgufTensor = { name, shape: [256], type: 0, typeName: "F32", byteLength: 1024, offset: 0 };
    if (change === undefined) all.delete(name);
    else all.set(name, { ...(all.get(name) ?? tensor), ...change });
  }
  return { metadata, tensors: all };
}

const uint32 = (value: number): GgufValue => ({ type: "uint32", value });
const text = (value: string): GgufValue => ({ type: "string", value });
const texts = (count: number, change: Record<number, string> = {}): GgufValue => {
  return { type: "array", elementType: "string", value: Array.from({ length: count }, (_, i) => change[i] ?? `t${i}`) };
};
const NORM = "blk.0.attn_norm.weight";
const WEIGHT = "blk.0.attn_q.weight";
const EPSILON = "llama.attention.layer_norm_rms_epsilon";

interface Change {
  name: string;
  file: LlamaCppChecked;
  effect: GgufProblem["effect"];
  message: RegExp;
}

const changes: Change[] = [
  {
    name: "tokens with equal texts",
    file: changed({ "tokenizer.ggml.tokens": texts(320, { 5: "a", 9: "a" }) }),
    ...{ effect: "aborts", message: /^tokens 5 and 9 are both "a"/ },
  },
  {
    name: "fewer tokens than rows of the embedding",
    file: changed({ "tokenizer.ggml.tokens": texts(319) }),
    ...{ effect: "refused", message: /"token_embd.weight" is \[320, 256\], the keys say \[319, 256\]/ },
  },
  {
    name: "fewer scores than tokens",
    file: changed({ "tokenizer.ggml.scores": { type: "array", elementType: "float32", value: new Float32Array(3) } }),
    ...{ effect: "refused", message: /has 3 values for 320 tokens/ },
  },
  {
    name: "a norm in F16",
    file: changed({}, { [NORM]: { type: 1, typeName: "F16" } }),
    ...{ effect: "aborts", message: /norm or a vector in F16.*store it as F32/ },
  },
  {
    name: "a norm in BF16",
    file: changed({}, { "output_norm.weight": { type: 30, typeName: "BF16" } }),
    ...{ effect: "aborts", message: /vector in BF16/ },
  },
  {
    name: "a bias in F16",
    file: changed({}, { "blk.0.attn_q.bias": { type: 1, typeName: "F16" } }),
    ...{ effect: "aborts", message: /vector in F16.*store it as F32/ },
  },
  {
    name: "frequencies in F16",
    file: changed({}, { "rope_freqs.weight": { shape: [32], type: 1, typeName: "F16" } }),
    ...{ effect: "aborts", message: /"rope_freqs.weight" is a norm or a vector in F16/ },
  },
  {
    name: "a weight of integers",
    file: changed({}, { [WEIGHT]: { type: 24, typeName: "I8" } }),
    ...{ effect: "aborts", message: /is I8, which llama.cpp cannot multiply by/ },
  },
  {
    name: "a weight in F64",
    file: changed({}, { [WEIGHT]: { type: 28, typeName: "F64" } }),
    ...{ effect: "aborts", message: /is F64, which llama.cpp cannot multiply by/ },
  },
  {
    name: "no tokens",
    file: changed({ "tokenizer.ggml.tokens": undefined }),
    ...{ effect: "refused", message: /tokenizer.ggml.tokens is missing/ },
  },
  {
    name: "no merges",
    file: changed({ "tokenizer.ggml.merges": undefined }),
    ...{ effect: "refused", message: /tokenizer.ggml.merges is missing/ },
  },
  {
    name: "no blocks",
    file: changed({ "llama.block_count": undefined }),
    ...{ effect: "refused", message: /llama.block_count is missing/ },
  },
  {
    name: "no heads",
    file: changed({ "llama.attention.head_count": undefined }),
    ...{ effect: "aborts", message: /llama.attention.head_count is missing/ },
  },
  {
    name: "no size of the feed-forward layers",
    file: changed({ "llama.feed_forward_length": undefined }),
    ...{ effect: "aborts", message: /llama.feed_forward_length is missing/ },
  },
  {
    name: "no epsilon",
    file: changed({ [EPSILON]: undefined }),
    ...{ effect: "refused", message: /layer_norm_rms_epsilon is missing/ },
  },
  {
    name: "a retired type",
    file: changed({}, { [WEIGHT]: { type: 31, typeName: "Q4_0_4_4" } }),
    ...{ effect: "refused", message: /is Q4_0_4_4, which ggml has retired/ },
  },
  {
    name: "I2_S",
    file: changed({}, { [WEIGHT]: { type: 36, typeName: "I2_S" } }),
    ...{ effect: "refused", message: /is I2_S of bitnet.cpp: llama.cpp refuses its id; convert it to TQ1_0 or TQ2_0/ },
  },
  {
    name: "TL2",
    file: changed({}, { [WEIGHT]: { type: 39, typeName: "TL2" } }),
    ...{ effect: "misread", message: /is TL2 of bitnet.cpp: llama.cpp reads its id 39 as MXFP4/ },
  },
  {
    name: "Q2_0 in blocks of 128",
    file: changed({}, { [WEIGHT]: { type: 42, typeName: "Q2_0_128" } }),
    ...{ effect: "misread", message: /llama.cpp reads its id 42 as Q2_0/ },
  },
  {
    name: "an epsilon in 64 bits",
    file: changed({ [EPSILON]: { type: "float64", value: 1e-5 } }),
    ...{ effect: "refused", message: /rms_epsilon must be float32, not float64/ },
  },
  {
    name: "a count in 64 bits",
    file: changed({ "llama.block_count": { type: "uint64", value: 2n } }),
    ...{ effect: "refused", message: /block_count must be uint32, not uint64/ },
  },
  {
    name: "heads as a signed count",
    file: changed({ "llama.attention.head_count": { type: "int32", value: 4 } }),
    ...{ effect: "refused", message: /head_count must be uint32 or an array, not int32/ },
  },
  {
    name: "token types of another integer",
    file: changed({
      "tokenizer.ggml.token_type": { type: "array", elementType: "uint32", value: new Uint32Array(320) },
    }),
    ...{ effect: "refused", message: /token_type must be an array of int32, not an array of uint32/ },
  },
  {
    name: "tokens as one text",
    file: changed({ "tokenizer.ggml.merges": text("a b") }),
    ...{ effect: "refused", message: /merges must be an array of string, not string/ },
  },
  {
    name: "no architecture",
    file: changed({ "general.architecture": undefined }),
    ...{ effect: "refused", message: /general.architecture must be a string/ },
  },
  {
    name: "no context length",
    file: changed({ "llama.context_length": undefined }),
    ...{ effect: "refused", message: /llama.context_length is missing/ },
  },
  {
    name: "no tokenizer",
    file: changed({ "tokenizer.ggml.model": undefined }),
    ...{ effect: "refused", message: /tokenizer.ggml.model is missing/ },
  },
  {
    name: "an alignment that is no power of two",
    file: changed({ "general.alignment": uint32(24) }),
    ...{ effect: "refused", message: /general.alignment must be a power of two/ },
  },
  {
    name: "a tensor too few",
    file: changed({}, { [WEIGHT]: undefined }),
    ...{ effect: "refused", message: /"blk.0.attn_q.weight" is missing/ },
  },
  {
    name: "a tensor too many",
    file: changed({}, { "blk.0.attn_q.weight_scale": {} }),
    ...{ effect: "refused", message: /"blk.0.attn_q.weight_scale" is none of architecture llama/ },
  },
  {
    name: "a block too many",
    file: changed({}, { "blk.2.attn_norm.weight": {} }),
    ...{ effect: "refused", message: /is none of architecture llama/ },
  },
  {
    name: "a weight of another shape",
    file: changed({}, { [WEIGHT]: { shape: [256, 512] } }),
    ...{ effect: "refused", message: /is \[256, 512\], the keys say \[256, 256\]/ },
  },
  {
    name: "a sub-norm in architecture bitnet",
    file: changed({}, { "blk.0.attn_sub_norm.weight": {} }),
    ...{ effect: "refused", message: /none of architecture llama/ },
  },
];

test("the sound file has no problems, with its layout and without", () => {
  expect(checkForLlamaCpp(sound)).toEqual([]);
  expect(checkForLlamaCpp(changed({}))).toEqual([]);
  expect(checkForLlamaCpp(changed({}, { "output.weight": { shape: [320, 256] } }))).toEqual([]);
});

test.each(changes)("$name: $effect", ({ file, effect, message }) => {
  const problems = checkForLlamaCpp(file);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ effect, message: expect.stringMatching(message) });
  expect(problems[0].tensor ?? problems[0].key).toBeTypeOf("string");
});

test("bitnet.cpp has types of its own, but its I2_S rows are whole blocks", () => {
  const file = changed({}, { [WEIGHT]: { type: 36, typeName: "I2_S" } });
  expect(checkForLlamaCpp(file, { program: "bitnet.cpp" })).toEqual([]);
  const broken = changed({}, { [WEIGHT]: { type: 36, typeName: "I2_S", shape: [256, 64] } });
  const messages = checkForLlamaCpp(broken, { program: "bitnet.cpp" }).map(({ message }) => message);
  expect(messages).toContainEqual(expect.stringMatching(/rows of 64 elements: I2_S rows must be whole blocks of 128/));
});

test("names too long and empty tensors", () => {
  const long = "x".repeat(64);
  const metadata = new Map(sound.metadata).set("general.architecture", text("other"));
  const bare = { shape: [0], type: 0, typeName: "F32", byteLength: 0, offset: 0 };
  const tensors = new Map([[long, { ...bare, name: long }]]);
  const messages = checkForLlamaCpp({ metadata, tensors }).map(({ message }) => message);
  expect(messages).toContainEqual(expect.stringMatching(/has a name of 64 bytes, at most 63 fit/));
  expect(messages).toContainEqual(expect.stringMatching(/holds nothing: leave it out/));
});

/** The sound file under another architecture, with a sub-norm for each half of its two blocks. */
function bitnetModel(architecture: string) {
  const metadata = new Map(
    [...sound.metadata].map(([key, value]) => [key.replace(/^llama\./, `${architecture}.`), value]),
  );
  metadata.set("general.architecture", text(architecture));
  const tensors = new Map(sound.tensors);
  for (const [part, size] of [
    ["attn", 256],
    ["ffn", 512],
  ] as const) {
    for (const block of [0, 1]) {
      const name = `blk.${block}.${part}_sub_norm.weight`;
      tensors.set(name, { name, shape: [size], type: 0, typeName: "F32", byteLength: 4 * size, offset: 0 });
    }
  }
  return { metadata, tensors };
}

test("architecture bitnet has sub-norms and no head of its own", () => {
  const model = bitnetModel("bitnet");
  expect(checkForLlamaCpp(model)).toEqual([]);
  const head = { name: "output.weight", shape: [320, 256], type: 1, typeName: "F16", byteLength: 0, offset: 0 };
  model.tensors.set("output.weight", head);
  model.tensors.delete("blk.1.ffn_sub_norm.weight");
  expect(checkForLlamaCpp(model).map(({ message }) => message)).toEqual([
    `tensor "blk.1.ffn_sub_norm.weight" is missing`,
    `tensor "output.weight" is none of architecture bitnet`,
  ]);
});

test("architecture bitnet-b1.58 is for bitnet.cpp only", () => {
  const model = bitnetModel("bitnet-b1.58");
  expect(checkForLlamaCpp(model, { program: "bitnet.cpp" })).toEqual([]);
  expect(checkForLlamaCpp(model)).toMatchObject([{ effect: "refused", key: "general.architecture" }]);
});

const layouts = {
  "a gap": { tensors: [tensor("a", [8]), tensor("b", [8], 0, 64)], dataByteLength: 96, message: /"b" begins at byte/ },
  "another order": { tensors: [tensor("b", [8], 0, 32), tensor("a", [8])], dataByteLength: 64, message: /wants it at/ },
  "no padding": { tensors: [tensor("a", [7])], dataByteLength: 28, message: /the last tensor is not padded/ },
};

test.each(Object.entries(layouts))("%s between the data of tensors", async (_, { message, ...parts }) => {
  await using reader = await openGguf(ggufFile(parts));
  const messages = checkForLlamaCpp(reader).map((problem) => problem.message);
  expect(messages).toContainEqual(expect.stringMatching(message));
});
