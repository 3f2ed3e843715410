/**
 * The discrete Fourier transform X[k] = Σ_n x[n]·exp(-2πi·k·n/N), for N a power of two, in N·log2(N) steps.
 *
 * Cooley, Tukey, "An algorithm for the machine calculation of complex Fourier series", 1965.
 */
import { ShapeError } from "../core/errors.ts";

/** Transforms `real` and `imaginary` in place; both hold N values. */
export type FourierTransform = (real: Float64Array, imaginary: Float64Array) => void;

/**
 * The transform of `size` values, with its tables made once.
 *
 * @throws ShapeError when `size` is not a power of two of at least 2; the transform, when an array holds another number
 */
export function createFourierTransform(size: number): FourierTransform {
  if (!Number.isSafeInteger(size) || size < 2 || size > 2 ** 24 || (size & (size - 1)) !== 0) {
    throw new ShapeError(`a Fourier transform needs a size that is a power of two (2 to 2^24), got ${size}`);
  }
  const cosines = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
  const sines = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
  const reversed = reverseBits(size);

  return (real, imaginary) => {
    if (real.length !== size || imaginary.length !== size) {
      throw new ShapeError(`expected ${size} real and imaginary values, got ${real.length} and ${imaginary.length}`);
    }
    for (let i = 0; i < size; i++) {
      const j = reversed[i];
      if (i >= j) continue;
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
    // joins two transforms of `half` values each: X[k] = even[k] + w^k·odd[k], X[k + half] = even[k] - w^k·odd[k]
    for (let half = 1; half < size; half *= 2) {
      const stride = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const even = start + k;
          const odd = even + half;
          const cosine = cosines[k * stride];
          const sine = sines[k * stride];
          const turnedReal = real[odd] * cosine - imaginary[odd] * sine;
          const turnedImaginary = real[odd] * sine + imaginary[odd] * cosine;
          real[odd] = real[even] - turnedReal;
          imaginary[odd] = imaginary[even] - turnedImaginary;
          real[even] += turnedReal;
          imaginary[even] += turnedImaginary;
        }
      }
    }
  };
}

/** `result[i]` is i with its log2(size) bits in reverse: the order in which halves of even and odd positions join. */
function reverseBits(size: number): Uint32Array {
  const reversed = new Uint32Array(size);
  for (let i = 1; i < size; i++) reversed[i] = (reversed[i >> 1] >> 1) | (i % 2 === 1 ? size / 2 : 0);
  return reversed;
}
