import fc from "fast-check";
import { expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { parseWav } from "./wav.ts";

function chunk(tag: string, body: Uint8Array, length: number = body.length): Uint8Array {
  const bytes = new Uint8Array(8 + body.length + (body.length % 2));
  bytes.set(new TextEncoder().encode(tag));
  new DataView(bytes.buffer).setUint32(4, length, true);
  bytes.set(body, 8);
  return bytes;
}

function wav(...chunks: Uint8Array[]): Uint8Array {
  const body = [new TextEncoder().encode("WAVE"), ...chunks].flatMap((part) => [...part]);
  return chunk("RIFF", Uint8Array.from(body));
}

function format({ encoding = 1, channels = 1, sampleRate = 8000, bits = 16 } = {}): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint16(0, encoding, true);
  view.setUint16(2, channels, true);
  view.setUint32(4, sampleRate, true);
  view.setUint16(14, bits, true);
  return chunk("fmt ", new Uint8Array(view.buffer));
}

const sound = Uint8Array.of(0, 0, 0xff, 0x7f, 0x00, 0x80, 0x01, 0x00);
const data = chunk("data", sound);

test("samples are signed, little-endian and in [-1, 1)", () => {
  const { sampleRate, samples } = parseWav(wav(format({ sampleRate: 16_000 }), data), "a.wav");
  expect(sampleRate).toBe(16_000);
  expect(samples).toEqual(Float32Array.of(0, 32767 / 32768, -1, 1 / 32768));
});

test("chunks of other kinds, of odd lengths too, are skipped", () => {
  const odd = chunk("LIST", Uint8Array.of(1, 2, 3));
  expect(parseWav(wav(odd, format(), odd, data, odd), "a.wav").samples).toHaveLength(4);
});

test("bytes that lie within a larger buffer are read in their place", () => {
  const bytes = wav(format(), data);
  const within = new Uint8Array(bytes.length + 9);
  within.set(bytes, 5);
  expect(parseWav(within.subarray(5, 5 + bytes.length), "a.wav").samples).toHaveLength(4);
});

test.each<[string, Uint8Array, number, RegExp]>([
  ["an empty file", new Uint8Array(0), 0, /RIFF/],
  ["another file", new TextEncoder().encode("ID3 this is an mp3"), 0, /RIFF/],
  ["RIFF of another type", chunk("RIFF", new TextEncoder().encode("AVI LIST")), 0, /WAVE/],
  ["no data", wav(format()), 36, /found none/],
  ["data before the format", wav(data, format()), 12, /format before the data/],
  [
    "a chunk beyond the end",
    wav(format(), chunk("data", sound, 0xffffffff)),
    40,
    /"data" claims 4294967295 .* 8 are left/,
  ],
  ["a short format", wav(chunk("fmt ", new Uint8Array(14)), data), 20, /at least 16 bytes, got 14/],
  ["floats", wav(format({ encoding: 3, bits: 32 }), data), 20, /encoding 3 of 1 and 32/],
  ["two channels", wav(format({ channels: 2 }), data), 20, /encoding 1 of 2 and 16/],
  ["eight bits", wav(format({ bits: 8 }), data), 20, /encoding 1 of 1 and 8/],
  ["a sample rate of zero", wav(format({ sampleRate: 0 }), data), 24, /1 to 768000, got 0/],
  ["half a sample", wav(format(), chunk("data", sound.subarray(0, 7))), 44, /whole samples of 2 bytes, got 7/],
])("%s is refused, and the error says where", (_, bytes, offset, message) => {
  try {
    parseWav(bytes, "a.wav");
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ file: "a.wav", offset, message: expect.stringMatching(message) });
  }
});

test("damaged bytes give samples within the file, or a FileError", () => {
  const mutation = fc.record({ at: fc.nat(59), value: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 5 }), fc.nat(60), (changes, length) => {
      const bytes = wav(format(), chunk("LIST", new Uint8Array(4)), data);
      for (const { at, value } of changes) bytes[at] = value;
      try {
        expect(parseWav(bytes.subarray(0, length), "a.wav").samples.length).toBeLessThanOrEqual(length / 2);
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});
