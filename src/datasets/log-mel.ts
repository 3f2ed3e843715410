/**
 * Log-mel features: the loudness of a sound over time in bands that are as wide as the ear resolves.
 *
 *     frame[f][n] = x[f·hop + n] · (0.5 - 0.5·cos(2πn / N))              n = 0 ... N - 1 (Hann window)
 *     power[f][k] = |DFT(frame[f])[k]|²                                  k = 0 ... N / 2
 *     energy[f][m] = Σ_k triangle[m][k] · power[f][k]
 *     level[f][m] = ln(max(energy[f][m], 10⁻⁶ · largest energy))         60 dB below the loudest is silence
 *     feature = (level - mean) / deviation                               over all levels of the recording
 *
 * Triangle m rises from band edge m to edge m + 1 and falls to edge m + 2; the edges lie evenly on the mel scale
 * mel(f) = 2595·log10(1 + f / 700) from 0 to half the sample rate (O'Shaughnessy, "Speech Communication", 1987).
 */
import { ShapeError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { createFourierTransform } from "./fourier-transform.ts";

/** Sizes of the features. */
export interface LogMelOptions {
  /** Samples a second. */
  sampleRate: number;
  /** Frames of the result: a shorter recording stands in the middle of silence, a longer one loses both ends. */
  frames: number;
  /** Bands. */
  mels: number;
  /** Samples of a frame; a power of two. */
  windowSize: number;
  /** Samples from the start of a frame to the start of the next. */
  hop: number;
}

/** Gives the features `[frames, mels]` of one recording. */
export type LogMel = (samples: Float32Array) => Float32Array;

/** Silence, as a share of the largest energy. */
const SILENCE = 1e-6;

/**
 * The feature function for recordings of one kind, with its tables made once. A recording without any sound gives zeros.
 *
 * @throws ShapeError when a size is below 1, the window is not a power of two, or a band is too narrow to hold a frequency
 */
export function createLogMel(options: LogMelOptions): LogMel {
  const { sampleRate, frames, mels, windowSize, hop } = options;
  checkSize("sampleRate", sampleRate);
  checkSize("frames", frames);
  checkSize("mels", mels);
  checkSize("hop", hop);
  const transform = createFourierTransform(windowSize);
  const window = Float64Array.from(
    { length: windowSize },
    (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / windowSize),
  );
  const triangles = melTriangles(options);
  const real = new Float64Array(windowSize);
  const imaginary = new Float64Array(windowSize);
  const power = new Float64Array(windowSize / 2 + 1);

  return (samples) => {
    // the middle of the recording comes to the middle of the result; samples beyond its ends are silence
    const sound = new Float64Array((frames - 1) * hop + windowSize);
    const lead = Math.floor((samples.length - sound.length) / 2);
    sound.set(samples.subarray(Math.max(0, lead), Math.max(0, lead) + sound.length), Math.max(0, -lead));
    const energies = new Float64Array(frames * mels);
    for (let frame = 0; frame < frames; frame++) {
      for (let n = 0; n < windowSize; n++) real[n] = window[n] * sound[frame * hop + n];
      imaginary.fill(0);
      transform(real, imaginary);
      for (let k = 0; k < power.length; k++) power[k] = real[k] * real[k] + imaginary[k] * imaginary[k];
      for (let mel = 0; mel < mels; mel++) {
        let energy = 0;
        for (const { bin, weight } of triangles[mel]) energy += weight * power[bin];
        energies[frame * mels + mel] = energy;
      }
    }
    return normalisedLevels(energies);
  };
}

function normalisedLevels(energies: Float64Array): Float32Array {
  const loudest = energies.reduce((most, energy) => Math.max(most, energy), 0);
  if (loudest === 0) return new Float32Array(energies.length);
  const levels = energies.map((energy) => Math.log(Math.max(energy / loudest, SILENCE)));
  const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
  const variance = levels.reduce((sum, level) => sum + (level - mean) ** 2, 0) / levels.length;
  const inverseDeviation = variance > 0 ? 1 / Math.sqrt(variance) : 0;
  return Float32Array.from(levels, (level) => (level - mean) * inverseDeviation);
}

/** For each band, its frequencies (as bins of the transform) and how much of each it takes. */
function melTriangles({ sampleRate, mels, windowSize }: LogMelOptions): { bin: number; weight: number }[][] {
  const highest = melOf(sampleRate / 2);
  const edgeAt = (edge: number) => frequencyOf((highest * edge) / (mels + 1));
  return Array.from({ length: mels }, (_, mel) => {
    const [low, centre, high] = [edgeAt(mel), edgeAt(mel + 1), edgeAt(mel + 2)];
    const triangle = Array.from({ length: windowSize / 2 + 1 }, (_, bin) => {
      const frequency = (bin * sampleRate) / windowSize;
      return { bin, weight: Math.min((frequency - low) / (centre - low), (high - frequency) / (high - centre)) };
    }).filter(({ weight }) => weight > 0);
    if (triangle.length === 0) {
      throw new ShapeError(
        `a window of ${windowSize} samples does not resolve ${mels} bands: band ${mel} holds no frequency; take fewer mels or a longer window`,
      );
    }
    return triangle;
  });
}

function melOf(frequency: number): number {
  return 2595 * Math.log10(1 + frequency / 700);
}

function frequencyOf(mel: number): number {
  return 700 * (10 ** (mel / 2595) - 1);
}
