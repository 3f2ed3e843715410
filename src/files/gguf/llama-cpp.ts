/**
 * What llama.cpp wants of a GGUF file beyond what the format says. It refuses some files in few words, ends the whole
 * process on others, and reads a few as something else than they are; here each problem is told before. Each was tried with
 * the llama.cpp that the npm package node-llama-cpp 3.22.1 brings, on a CPU.
 */
import { excerpt, utf8ByteLength } from "../utf8.ts";
import { retiredTypeNames, typeByName, typesOfId } from "./block-types.ts";
import { checkArchitecture } from "./llama-cpp-architectures.ts";
import type { GgufContents, GgufReader, GgufTensor } from "./reader.ts";
import { alignUp, type GgufMetadata, type GgufValue, ggufText } from "./values.ts";

/** A reason why llama.cpp could not use a file. */
export interface GgufProblem {
  /** What happens: an error, the end of the process, or wrong weights without a word. */
  readonly effect: "refused" | "aborts" | "misread";
  /** What is wrong, and what would be right. */
  readonly message: string;
  readonly tensor?: string;
  readonly key?: string;
}

/** Where a file's data lie, which is checked for a file that was read; the writer always does it right. */
export type LlamaCppChecked = GgufContents & Partial<Pick<GgufReader, "alignment" | "dataStart" | "byteLength">>;

/** Programs that the check knows: bitnet.cpp is a fork that has types of its own. */
export interface LlamaCppCheckOptions {
  readonly program?: "llama.cpp" | "bitnet.cpp";
}

/** As many bytes as a name may have: 64 with the zero byte behind it. */
const MAX_NAME_BYTES = 63;

/** Keys whose values must be of one type, by what follows the architecture's name and a dot. */
const modelKeyTypes: Readonly<Record<string, GgufValue["type"]>> = {
  vocab_size: "uint32",
  context_length: "uint32",
  embedding_length: "uint32",
  block_count: "uint32",
  expert_count: "uint32",
  "attention.key_length": "uint32",
  "attention.value_length": "uint32",
  "attention.layer_norm_epsilon": "float32",
  "attention.layer_norm_rms_epsilon": "float32",
  "rope.dimension_count": "uint32",
  "rope.freq_base": "float32",
};

/** Keys of the model that may also be arrays, with one value for each block. */
const perBlockKeys: readonly string[] = ["feed_forward_length", "attention.head_count", "attention.head_count_kv"];

/** Keys without which no architecture loads. */
const requiredModelKeys: readonly string[] = ["context_length", "embedding_length", "block_count"];

/** Types that no matrix product takes: llama.cpp reads memory that is not its own then. */
const typesOfNoWeight: readonly string[] = ["I8", "I16", "I32", "I64", "F64", "Q8_1", "Q8_K"];

const generalKeyTypes: Readonly<Record<string, GgufValue["type"]>> = {
  "general.architecture": "string",
  "general.alignment": "uint32",
  "general.file_type": "uint32",
  "general.quantization_version": "uint32",
  "tokenizer.ggml.model": "string",
  "tokenizer.ggml.pre": "string",
  "tokenizer.ggml.bos_token_id": "uint32",
  "tokenizer.ggml.eos_token_id": "uint32",
  "tokenizer.ggml.unknown_token_id": "uint32",
  "tokenizer.ggml.padding_token_id": "uint32",
  "tokenizer.ggml.add_bos_token": "bool",
  "tokenizer.ggml.add_eos_token": "bool",
};

/** Tokenizers of files that hold no vocabulary. */
const NO_TOKENS: readonly string[] = ["no_vocab", "none"];

const arrayElementTypes: Readonly<Record<string, string>> = {
  "tokenizer.ggml.tokens": "string",
  "tokenizer.ggml.merges": "string",
  "tokenizer.ggml.scores": "float32",
  "tokenizer.ggml.token_type": "int32",
};

/** Every reason why llama.cpp could not use a file; empty where none is known. */
export function checkForLlamaCpp(
  contents: LlamaCppChecked,
  { program = "llama.cpp" }: LlamaCppCheckOptions = {},
): readonly GgufProblem[] {
  const { metadata, tensors } = contents;
  return [
    ...checkKeys(metadata),
    ...checkTokens(metadata),
    ...[...tensors.values()].flatMap((tensor) => checkTensor(tensor, program)),
    ...checkLayout(contents),
    ...checkArchitecture(contents, program),
  ];
}

function checkKeys(metadata: GgufMetadata): GgufProblem[] {
  const architecture = ggufText(metadata, "general.architecture");
  if (architecture === undefined)
    return [refusedKey("general.architecture", "must be a string, the architecture's name")];
  const problems: GgufProblem[] = [];
  for (const name of [...requiredModelKeys.map((key) => `${architecture}.${key}`), "tokenizer.ggml.model"]) {
    if (!metadata.has(name)) problems.push(refusedKey(name, "is missing"));
  }
  for (const [key, { type, value, ...rest }] of metadata) {
    const modelKey = key.startsWith(`${architecture}.`) ? key.slice(architecture.length + 1) : "";
    const expected = generalKeyTypes[key] ?? modelKeyTypes[modelKey];
    if (expected !== undefined && type !== expected) problems.push(refusedKey(key, `must be ${expected}, not ${type}`));
    const isPerBlock = perBlockKeys.includes(modelKey);
    if (isPerBlock && type !== "uint32" && type !== "array") {
      problems.push(refusedKey(key, `must be uint32 or an array, not ${type}`));
    }
    const elementType = arrayElementTypes[key];
    const found = "elementType" in rest ? `an array of ${rest.elementType}` : type;
    if (elementType !== undefined && found !== `an array of ${elementType}`) {
      problems.push(refusedKey(key, `must be an array of ${elementType}, not ${found}`));
    }
    const isPowerOfTwo = typeof value === "number" && Number.isInteger(Math.log2(value));
    if (key === "general.alignment" && !isPowerOfTwo) problems.push(refusedKey(key, "must be a power of two"));
  }
  return problems;
}

function checkTokens(metadata: GgufMetadata): GgufProblem[] {
  const key = "tokenizer.ggml.tokens";
  const tokens = metadata.get(key);
  const model = ggufText(metadata, "tokenizer.ggml.model");
  if (tokens === undefined && model !== undefined && !NO_TOKENS.includes(model)) return [refusedKey(key, "is missing")];
  if (tokens?.type !== "array" || tokens.elementType !== "string") return [];
  const problems: GgufProblem[] = [];
  const merges = "tokenizer.ggml.merges";
  if (model === "gpt2" && !metadata.has(merges)) problems.push(refusedKey(merges, "is missing"));
  const first = new Map<string, number>();
  tokens.value.forEach((text, id) => {
    const other = first.get(text);
    if (other === undefined) first.set(text, id);
    else if (!problems.some(({ effect }) => effect === "aborts")) {
      const message = `tokens ${other} and ${id} are both ${excerpt(text)}: llama.cpp ends the process on equal texts`;
      problems.push({ effect: "aborts", message, key });
    }
  });
  for (const perToken of ["tokenizer.ggml.scores", "tokenizer.ggml.token_type"]) {
    const values = metadata.get(perToken);
    if (values?.type !== "array" || values.value.length >= tokens.value.length) continue;
    problems.push(refusedKey(perToken, `has ${values.value.length} values for ${tokens.value.length} tokens`));
  }
  return problems;
}

function checkTensor(tensor: GgufTensor, program: "llama.cpp" | "bitnet.cpp"): GgufProblem[] {
  const { name, typeName, shape } = tensor;
  const problems: GgufProblem[] = [];
  const add = (effect: GgufProblem["effect"], problem: string) =>
    problems.push({ effect, message: `tensor ${excerpt(name)} ${problem}`, tensor: name });

  const byteLength = utf8ByteLength(name);
  if (byteLength > MAX_NAME_BYTES) add("refused", `has a name of ${byteLength} bytes, at most ${MAX_NAME_BYTES} fit`);
  if (shape.includes(0)) add("refused", "holds nothing: leave it out");
  if ((shape.length <= 1 || name.endsWith("norm.weight")) && typeName !== "F32") {
    add("aborts", `is a norm or a vector in ${typeName}: llama.cpp ends the process on it; store it as F32`);
  } else if (typesOfNoWeight.includes(typeName)) {
    add("aborts", `is ${typeName}, which llama.cpp cannot multiply by and crashes on: store it as F16 or F32`);
  }
  if (retiredTypeNames.has(typeName)) add("refused", `is ${typeName}, which ggml has retired`);
  const dialect = typeByName(typeName)?.dialect ?? "ggml";
  if (dialect !== "ggml" && dialect !== program) {
    const upstream = typesOfId(tensor.type)[0].name;
    const isMisread = !retiredTypeNames.has(upstream);
    const reason = isMisread
      ? `llama.cpp reads its id ${tensor.type} as ${upstream} where the sizes allow it, and refuses the file elsewhere`
      : "llama.cpp refuses its id";
    add(isMisread ? "misread" : "refused", `is ${typeName} of ${dialect}: ${reason}; convert it to TQ1_0 or TQ2_0`);
  }
  if (typeName === "I2_S" && (shape.at(-1) ?? 0) % 128 !== 0) {
    add("misread", `has rows of ${shape.at(-1)} elements: I2_S rows must be whole blocks of 128 to be multiplied`);
  }
  return problems;
}

/** Data must follow each other in the order of the header, with no more than padding between and some after the last. */
function checkLayout({ tensors, alignment, dataStart, byteLength: size }: LlamaCppChecked): GgufProblem[] {
  if (alignment === undefined || dataStart === undefined || size === undefined) return [];
  const problems: GgufProblem[] = [];
  let expected = dataStart;
  for (const { name, offset, byteLength } of tensors.values()) {
    if (offset !== expected) {
      const message = `tensor ${excerpt(name)} begins at byte ${offset}, llama.cpp wants it at ${expected}: write the file again`;
      problems.push({ effect: "refused", message, tensor: name });
    }
    expected = dataStart + alignUp(offset - dataStart + byteLength, alignment);
  }
  if (tensors.size > 0 && expected > size) {
    const message = `the last tensor is not padded: the file ends at byte ${size}, llama.cpp reads to ${expected}; write it again`;
    problems.push({ effect: "refused", message });
  }
  return problems;
}

function refusedKey(key: string, problem: string): GgufProblem {
  return { effect: "refused", message: `${key} ${problem}`, key };
}
