/** The data sets, and what reading one's own takes. */
export { RandomSource, type RandomState } from "../core/random.ts";
export { type ByteSource, type IdxArray, parseIdx, parseWav, type Recording, readIdx } from "../files/index.ts";
export { DATA_VARIABLE, resolveDataDirectory } from "./data-directory.ts";
export { checkDataset, type Dataset, type DatasetSplit, sampleCount, subset } from "./dataset.ts";
export { DIGIT_IMAGE_SIZE, type SyntheticDigitsOptions, syntheticDigits } from "./digits.ts";
export type { DownloadOptions, DownloadProgress } from "./download.ts";
export { createLogMel, type LogMel, type LogMelOptions } from "./log-mel.ts";
export { loadMnist } from "./mnist.ts";
export { downloadMnist } from "./mnist-download.ts";
export { loadSpokenDigits, SPOKEN_DIGIT_FEATURES } from "./spoken-digits.ts";
export {
  type CharacterDataset,
  type CharacterDatasetOptions,
  characterDataset,
  loadTinyShakespeare,
  Vocabulary,
} from "./text.ts";
