/**
 * The tensors of the architectures that ternary models come in. llama.cpp counts tensors: one that it does not know, or one
 * too few, and the file is refused. Other architectures are not checked.
 */
import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import { excerpt } from "../utf8.ts";
import type { GgufProblem } from "./llama-cpp.ts";
import type { GgufContents } from "./reader.ts";
import { type GgufMetadata, ggufNumber, ggufText } from "./values.ts";

interface Architecture {
  /** Tensors of each block that must be there, without `blk.i.` and `.weight`. */
  readonly perBlock: readonly string[];
  /** What may be there. */
  readonly optional: RegExp;
  /** Only bitnet.cpp knows it; llama.cpp has the same under another name. */
  readonly upstreamName?: string;
}

const llamaBlock = [
  "attn_norm",
  "attn_q",
  "attn_k",
  "attn_v",
  "attn_output",
  "ffn_norm",
  "ffn_gate",
  "ffn_up",
  "ffn_down",
] as const;

const linear = "(attn_(q|k|v|output)|ffn_(gate|up|down))";

const bitnet: Architecture = {
  perBlock: [...llamaBlock, "attn_sub_norm", "ffn_sub_norm"],
  optional: new RegExp(`^blk\\.\\d+\\.${linear}\\.scale$`), // the head is the embedding, always
};

const architectures: ReadonlyMap<string, Architecture> = new Map([
  [
    "llama",
    {
      perBlock: llamaBlock,
      optional: new RegExp(`^(output|rope_freqs)\\.weight$|^blk\\.\\d+\\.${linear}\\.(bias|scale)$`),
    },
  ],
  ["bitnet", bitnet],
  ["bitnet-25", { ...bitnet, upstreamName: "bitnet" }],
  ["bitnet-b1.58", { ...bitnet, upstreamName: "bitnet" }],
]);

/** Keys that these architectures need, and what happens without. */
const requiredKeys: Readonly<Record<string, GgufProblem["effect"]>> = {
  feed_forward_length: "aborts",
  "attention.head_count": "aborts",
  "attention.layer_norm_rms_epsilon": "refused",
};

/** Keys and tensors that are missing, and tensors that are too many or of another shape than the keys say. */
export function checkArchitecture(
  { metadata, tensors }: GgufContents,
  program: "llama.cpp" | "bitnet.cpp",
): GgufProblem[] {
  const name = ggufText(metadata, "general.architecture") ?? "";
  const architecture = architectures.get(name);
  const sizes = sizesOf(metadata, name);
  if (architecture === undefined || sizes.experts > 0 || !(sizes.blocks <= 10_000)) return [];

  const problems = Object.entries(requiredKeys)
    .filter(([key]) => !metadata.has(`${name}.${key}`))
    .map(([key, effect]): GgufProblem => ({ effect, message: `${name}.${key} is missing`, key: `${name}.${key}` }));
  if (architecture.upstreamName !== undefined && program === "llama.cpp") {
    const key = "general.architecture";
    const message = `${key} ${name} is known to bitnet.cpp only, llama.cpp calls it ${architecture.upstreamName}`;
    problems.push({ effect: "refused", message, key });
  }
  const add = (tensor: string, problem: string) =>
    problems.push({ effect: "refused", message: `tensor ${excerpt(tensor)} ${problem}`, tensor });
  const blocks = Array.from({ length: sizes.blocks }, (_, block) =>
    architecture.perBlock.map((part) => `blk.${block}.${part}.weight`),
  );
  const required = new Set(["token_embd.weight", "output_norm.weight", ...blocks.flat()]);
  for (const tensor of required) if (!tensors.has(tensor)) add(tensor, "is missing");
  for (const tensor of tensors.keys()) {
    if (!required.has(tensor) && !architecture.optional.test(tensor)) add(tensor, `is none of architecture ${name}`);
  }
  const shapes = shapesOf(sizes);
  for (const [tensor, { shape }] of tensors) {
    const expected = shapes[tensor.replace(/^blk\.\d+\./, "")];
    if (expected === undefined || expected.some(Number.isNaN) || sameShape(shape, expected)) continue;
    add(tensor, `is ${formatShape(shape)}, the keys say ${formatShape(expected)}`);
  }
  return problems;
}

interface ModelSizes {
  readonly blocks: number;
  readonly experts: number;
  readonly vocabulary: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly queries: number;
  readonly keys: number;
}

/** Sizes that the keys give; NaN where they do not, or give another for each block. */
function sizesOf(metadata: GgufMetadata, architecture: string): ModelSizes {
  const size = (key: string): number => ggufNumber(metadata, `${architecture}.${key}`) ?? Number.NaN;
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const embedding = size("embedding_length");
  const heads = size("attention.head_count");
  const headLength = ggufNumber(metadata, `${architecture}.attention.key_length`) ?? embedding / heads;
  const hasKvHeads = metadata.has(`${architecture}.attention.head_count_kv`);
  return {
    blocks: size("block_count"),
    experts: ggufNumber(metadata, `${architecture}.expert_count`) ?? 0,
    vocabulary: tokens?.type === "array" ? tokens.value.length : size("vocab_size"),
    embedding,
    feedForward: size("feed_forward_length"),
    queries: heads * headLength,
    keys: (hasKvHeads ? size("attention.head_count_kv") : heads) * headLength,
  };
}

function shapesOf({ vocabulary, embedding, feedForward, queries, keys }: ModelSizes): Readonly<Record<string, Shape>> {
  return {
    "token_embd.weight": [vocabulary, embedding],
    "output.weight": [vocabulary, embedding],
    "output_norm.weight": [embedding],
    "attn_norm.weight": [embedding],
    "attn_q.weight": [queries, embedding],
    "attn_k.weight": [keys, embedding],
    "attn_output.weight": [embedding, queries],
    "attn_sub_norm.weight": [queries],
    "ffn_norm.weight": [embedding],
    "ffn_gate.weight": [feedForward, embedding],
    "ffn_up.weight": [feedForward, embedding],
    "ffn_down.weight": [embedding, feedForward],
    "ffn_sub_norm.weight": [feedForward],
  };
}
