/** Sound from RIFF/WAVE files; only what speech data sets use: one channel of 16-bit PCM. */
import { FileError } from "../core/errors.ts";

/** A recording of one channel. */
export interface Recording {
  /** Samples a second. */
  readonly sampleRate: number;
  /** In [-1, 1). */
  readonly samples: Float32Array;
}

const PCM = 1;
const MAX_SAMPLE_RATE = 768_000;

/**
 * Parses the bytes of a wav file; `file` names it in errors.
 *
 * @throws FileError with the byte offset when it is damaged, or is not one channel of 16-bit PCM
 */
export function parseWav(bytes: Uint8Array, file: string): Recording {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || tagAt(view, 0) !== "RIFF" || tagAt(view, 8) !== "WAVE") {
    throw new FileError("not a wav file: it must start with a RIFF header of type WAVE", { file, offset: 0 });
  }
  let sampleRate: number | undefined;
  for (let offset = 12; offset + 8 <= bytes.length; ) {
    const tag = tagAt(view, offset);
    const length = view.getUint32(offset + 4, true);
    const start = offset + 8;
    if (length > bytes.length - start) {
      const message = `the chunk ${JSON.stringify(tag)} claims ${length} bytes, but ${bytes.length - start} are left`;
      throw new FileError(message, { file, offset: offset + 4 });
    }
    if (tag === "fmt ")
      sampleRate = parseFormat(new DataView(view.buffer, view.byteOffset + start, length), file, start);
    if (tag === "data") {
      if (sampleRate === undefined) throw new FileError("expected the format before the data", { file, offset });
      return {
        sampleRate,
        samples: parseSamples(new DataView(view.buffer, view.byteOffset + start, length), file, start),
      };
    }
    offset = start + length + (length % 2); // chunks start at even offsets
  }
  throw new FileError("expected a data chunk, found none", { file, offset: bytes.length });
}

/** The sample rate of a format chunk that starts at byte `offset` of its file. */
function parseFormat(chunk: DataView, file: string, offset: number): number {
  if (chunk.byteLength < 16) {
    throw new FileError(`expected a format of at least 16 bytes, got ${chunk.byteLength}`, { file, offset });
  }
  const encoding = chunk.getUint16(0, true);
  const channels = chunk.getUint16(2, true);
  const sampleRate = chunk.getUint32(4, true);
  const bits = chunk.getUint16(14, true);
  if (encoding !== PCM || channels !== 1 || bits !== 16) {
    throw new FileError(
      `expected PCM (encoding 1) of 1 channel and 16 bits, got encoding ${encoding} of ${channels} and ${bits}`,
      { file, offset },
    );
  }
  if (sampleRate === 0 || sampleRate > MAX_SAMPLE_RATE) {
    throw new FileError(`expected a sample rate of 1 to ${MAX_SAMPLE_RATE}, got ${sampleRate}`, {
      file,
      offset: offset + 4,
    });
  }
  return sampleRate;
}

function parseSamples(chunk: DataView, file: string, offset: number): Float32Array {
  if (chunk.byteLength % 2 !== 0) {
    throw new FileError(`expected whole samples of 2 bytes, got ${chunk.byteLength} bytes`, { file, offset });
  }
  const samples = new Float32Array(chunk.byteLength / 2);
  for (let i = 0; i < samples.length; i++) samples[i] = chunk.getInt16(2 * i, true) / 32768;
  return samples;
}

function tagAt(view: DataView, offset: number): string {
  return String.fromCharCode(...Array.from({ length: 4 }, (_, i) => view.getUint8(offset + i)));
}
