import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { createLogMel, type LogMelOptions } from "./log-mel.ts";

const options: LogMelOptions = { sampleRate: 8000, frames: 20, mels: 32, windowSize: 256, hop: 128 };
const SPAN = 19 * 128 + 256; // samples that the frames see
const logMel = createLogMel(options);

function tone(frequency: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => 0.5 * Math.sin((2 * Math.PI * frequency * n) / options.sampleRate));
}

function loudestBand(features: Float32Array, frame: number): number {
  const bands = features.subarray(frame * 32, (frame + 1) * 32);
  return bands.indexOf(Math.max(...bands));
}

test("a tone is loudest in the band whose centre is nearest on the mel scale", () => {
  const mel = (frequency: number) => 2595 * Math.log10(1 + frequency / 700);
  for (const frequency of [250, 440, 1000, 2000, 3500]) {
    const features = logMel(tone(frequency, SPAN));
    const expected = Math.round((33 * mel(frequency)) / mel(4000)) - 1;
    for (let frame = 0; frame < 20; frame++) expect(loudestBand(features, frame)).toBe(expected);
  }
});

test("features have mean 0 and deviation 1", () => {
  const features = logMel(tone(700, 1500));
  const mean = features.reduce((sum, value) => sum + value, 0) / features.length;
  const variance = features.reduce((sum, value) => sum + value * value, 0) / features.length;
  // each value is rounded to float32, from below 8 in magnitude: off by at most 8 · 2^-24 = 2^-21, its square by 2 · 8 as much
  expect(Math.abs(mean)).toBeLessThan(2 ** -21);
  expect(Math.abs(variance - 1)).toBeLessThan(2 * 8 * 2 ** -21);
});

test("a short recording stands in the middle, a long one loses both ends", () => {
  const short = logMel(tone(1000, 512)); // in frames 8 to 11, with parts in 7 and 12
  const silence = Math.min(...short);
  const isSilent = (frame: number) => short.subarray(frame * 32, (frame + 1) * 32).every((value) => value === silence);
  expect(Array.from({ length: 20 }, (_, frame) => frame).filter((frame) => !isSilent(frame))).toEqual([
    7, 8, 9, 10, 11, 12,
  ]);

  const long = new Float32Array(SPAN + 2000);
  long.set(tone(1000, SPAN), 1000);
  long.fill(0.9, 0, 1000);
  expect(logMel(long)).toEqual(logMel(tone(1000, SPAN)));
});

test("loudness does not matter", () => {
  const quiet = tone(600, 2000).map((value) => value / 64); // exact, so that every step scales exactly
  expect(logMel(quiet)).toEqual(logMel(tone(600, 2000)));
});

test("silence and an empty recording give zeros", () => {
  expect(logMel(new Float32Array(900))).toEqual(new Float32Array(640));
  expect(logMel(new Float32Array(0))).toEqual(new Float32Array(640));
});

test.each<[string, Partial<LogMelOptions>, RegExp]>([
  ["a window that is not a power of two", { windowSize: 200 }, /power of two/],
  ["more bands than the window resolves", { mels: 128 }, /does not resolve 128 bands/],
  ["no frames", { frames: 0 }, /frames .* got 0/],
  ["a hop of half a sample", { hop: 0.5 }, /hop .* got 0.5/],
])("%s is refused", (_, change, message) => {
  expect(() => createLogMel({ ...options, ...change })).toThrow(ShapeError);
  expect(() => createLogMel({ ...options, ...change })).toThrow(message);
});
