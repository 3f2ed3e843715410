/** Where MNIST is published, and its download. Node only. */
import { type DownloadOptions, downloadFiles, type PublishedFile } from "./download.ts";

/** Public copies of the four files, tried in order. */
const MNIST_MIRRORS: readonly string[] = [
  "https://ossci-datasets.s3.amazonaws.com/mnist/",
  "https://storage.googleapis.com/cvdf-datasets/mnist/",
];

/** The four files as published. */
const MNIST_FILES: readonly PublishedFile[] = [
  {
    name: "train-images-idx3-ubyte.gz",
    byteLength: 9_912_422,
    sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
  },
  {
    name: "train-labels-idx1-ubyte.gz",
    byteLength: 28_881,
    sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
  },
  {
    name: "t10k-images-idx3-ubyte.gz",
    byteLength: 1_648_877,
    sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
  },
  {
    name: "t10k-labels-idx1-ubyte.gz",
    byteLength: 4_542,
    sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
  },
];

/**
 * Downloads what `options.cacheDirectory` lacks of MNIST (12 MB in all); `loadMnist(cacheDirectory)` then loads it.
 *
 * @throws FileError when no mirror can be reached or one gives other bytes than published
 * @throws the reason of `options.signal` when it aborts
 */
export function downloadMnist(options: DownloadOptions): Promise<void> {
  const otherwise = "without a network, get the four MNIST idx files another way and pass their directory (--data DIR)";
  return downloadFiles({ files: MNIST_FILES, mirrors: MNIST_MIRRORS, otherwise }, options);
}
