/** Files: safetensors, GGUF, .npy, idx, CSV, wav and text from and to bytes, and where the bytes come from. */
export { type CsvOptions, type CsvSeparator, type CsvTable, parseCsv } from "./csv.ts";
export type { ElementType } from "./element-types.ts";
export { decodeFloats, type ElementValues, encodeFloats } from "./element-values.ts";
export {
  checkForLlamaCpp,
  type GgufMetadata,
  type GgufProblem,
  type GgufReader,
  type GgufTensor,
  type GgufValue,
  type GgufWriteOptions,
  ggufFloats,
  ggufNumber,
  ggufText,
  openGguf,
  type WritableGgufTensor,
  writeGguf,
} from "./gguf/index.ts";
export { isGzip } from "./gzip.ts";
export { type IdxArray, parseIdx, readIdx, unpackIdx } from "./idx.ts";
export { type FileReadOptions, readFileBytes, writeFileAtomic } from "./node-files.ts";
export { nodeModule } from "./node-modules.ts";
export { type NpyArray, npyToFloat32, parseNpy, writeNpy } from "./npy.ts";
export { type NpzReader, openNpz } from "./npz.ts";
export { type DirectRanges, openDirectRanges, openRanges, type RangeSource, rangesOfBytes } from "./ranges.ts";
export {
  parseSafetensors,
  readFloat32,
  readUint8,
  type SafetensorsFile,
  type TensorEntry,
  tensorEntry,
  writeSafetensors,
} from "./safetensors.ts";
export type { HeaderEntry, SafetensorsHeader, StoredTensor } from "./safetensors-header.ts";
export { openSafetensors, readSafetensorsHeaderNow, type SafetensorsReader } from "./safetensors-reader.ts";
export { type ShardOptions, writeSafetensorsShards } from "./safetensors-shards.ts";
export { type StreamedTensor, writeSafetensorsStreamed } from "./safetensors-writer.ts";
export { type ByteSource, type NamedBytes, readBytes } from "./source.ts";
export { writeFileStreamed } from "./streamed-file.ts";
export { pathOfTarget } from "./target.ts";
export { readText } from "./text.ts";
export { parseWav, type Recording } from "./wav.ts";
