/** GGUF files: read by ranges, written in parts, and what llama.cpp wants of them. */
export { ggufFloats, ggufFloatTypeNames } from "./block-floats.ts";
export { type GgufDialect, type GgufType, ggufByteLength, ggufTypes, typeByName } from "./block-types.ts";
export { checkForLlamaCpp, type GgufProblem, type LlamaCppChecked } from "./llama-cpp.ts";
export { type GgufContents, type GgufReader, type GgufTensor, openGguf } from "./reader.ts";
export { type GgufMetadata, type GgufValue, ggufNumber, ggufText } from "./values.ts";
export { type GgufWriteOptions, type WritableGgufTensor, writeGguf } from "./writer.ts";
