/** GGUF files: keys and other tensors of the source stay, weights become one of the ternary types. */
import { type GgufValue, typeByName, type WritableGgufTensor, writeGguf } from "../../files/gguf/index.ts";
import { formatById } from "../../formats/index.ts";
import { packedChunks } from "../row-blocks.ts";
import { floatChunks, storedChunks } from "../streamed-tensors.ts";
import { targetFormat } from "../target-formats.ts";
import type { Target, TargetContent, TargetTensor, TernaryContent } from "./target.ts";

/** What a ternary format is called here. */
interface TernaryType {
  readonly typeName: string;
  /** `general.file_type` of files whose weights are mostly of it. */
  readonly fileType: number;
  /** The program whose files have it. */
  readonly readBy: "llama.cpp" | "bitnet.cpp";
}

const TYPES: ReadonlyMap<string, TernaryType> = new Map([
  ["tq2_0", { typeName: "TQ2_0", fileType: 37, readBy: "llama.cpp" }],
  ["tq1_0", { typeName: "TQ1_0", fileType: 36, readBy: "llama.cpp" }],
  ["i2_s", { typeName: "I2_S", fileType: 40, readBy: "bitnet.cpp" }],
]);

const ARCHITECTURE = "general.architecture";
const FILE_TYPE = "general.file_type";
const ALL_FLOAT32 = 0;
/** What readers here take; llama.cpp takes 63, which is checked where the file is a model. */
const MAX_NAME_BYTES = 1024;

/** What llama.cpp and bitnet.cpp load. */
export const gguf: Target = {
  id: "gguf",
  summary: "GGUF for llama.cpp (tq2_0, tq1_0) or bitnet.cpp (i2_s)",
  extensions: [".gguf"],
  formats: [...TYPES.keys()].map((id) => targetFormat(formatById(id), 1)),
  maxNameBytes: MAX_NAME_BYTES,
  holdsGgufKeys: true,

  storedNames: (name) => [name],

  whyNotKept({ elementType, ggufType }, shape) {
    if (ggufType !== undefined) return undefined;
    if (elementType === undefined || typeByName(elementType) === undefined) return "GGUF has no such type";
    // llama.cpp ends the process where a norm is stored as F16.
    const isShort = elementType === "F16" || elementType === "BF16" || elementType === "F64";
    return isShort && shape.length < 2 ? "GGUF has vectors as F32" : undefined;
  },

  async write(path, content) {
    const type = TYPES.get(content.format);
    const isTernary = content.tensors.some((tensor) => tensor.content.kind === "ternary");
    const metadata = new Map<string, GgufValue>(content.ggufMetadata ?? []);
    const hasArchitecture = metadata.has(ARCHITECTURE);
    if (type !== undefined && (isTernary || hasFloats(content))) {
      metadata.set(FILE_TYPE, { type: "uint32", value: isTernary ? type.fileType : ALL_FLOAT32 });
    }
    const readBy = hasArchitecture ? (isTernary && type ? type.readBy : "llama.cpp") : "any";
    await writeGguf(
      path,
      metadata,
      content.tensors.map((tensor) => writable(tensor, content.format)),
      { readBy },
    );
    const notes = hasArchitecture
      ? []
      : [`the source has no key ${ARCHITECTURE}, so this GGUF holds tensors and no model: no program will run it`];
    return { notes, neighbours: [] };
  },
};

/** Whether tensors became floats that were something else. */
function hasFloats({ tensors }: TargetContent): boolean {
  return tensors.some(({ content }) => content.kind === "float");
}

function writable({ name, shape, content }: TargetTensor, format: string): WritableGgufTensor {
  if (content.kind === "kept") {
    const { stored } = content;
    return { name, shape, typeName: stored.ggufType ?? stored.elementType ?? "", chunks: () => storedChunks(stored) };
  }
  if (content.kind === "float") return { name, shape, typeName: "F32", chunks: () => floatChunks(content) };
  return { name, shape, typeName: TYPES.get(format)?.typeName ?? format, chunks: () => ternaryChunks(content, format) };
}

async function* ternaryChunks({ matrix, readPlanes }: TernaryContent, format: string): AsyncGenerator<Uint8Array> {
  const [plane] = await readPlanes();
  yield* packedChunks(formatById(format), plane, matrix);
}
