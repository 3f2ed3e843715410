import { inflateSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { encodePng, grayscaleImage, pngAddress } from "./png.ts";

const image = fc
  .record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 40 }), seed: fc.nat(255) })
  .map(({ width, height, seed }) => {
    return { width, height, pixels: Uint8Array.from({ length: width * height }, (_, i) => (i * 31 + seed) & 255) };
  });

test("Node's zlib reads back the pixels that were written", () => {
  fc.assert(
    fc.property(image, (image) => {
      const { header, data } = readPng(encodePng(image));
      expect([header.getUint32(0), header.getUint32(4), header.getUint8(8), header.getUint8(9)]).toEqual([
        image.width,
        image.height,
        8,
        0,
      ]);
      const rows = inflateSync(data); // checks the lengths of the blocks and the Adler checksum
      const pixels = Array.from({ length: image.height }, (_, y) => [
        ...rows.subarray(y * (image.width + 1) + 1, (y + 1) * (image.width + 1)),
      ]).flat();
      expect(rows.length).toBe(image.height * (image.width + 1));
      expect(pixels).toEqual([...image.pixels]);
    }),
    { examples: [[{ width: 300, height: 300, pixels: new Uint8Array(90_000).fill(7) }]] }, // more than one block
  );
});

test("checksums are those of the specification", () => {
  const png = encodePng({ width: 1, height: 1, pixels: Uint8Array.of(0) });
  expect([...png.subarray(-4)]).toEqual([0xae, 0x42, 0x60, 0x82]); // the IEND chunk of every PNG file
});

test("floats from 0 to 1 become gray values, rounded half to even, clipped", () => {
  const values = Float32Array.of(0, 0.5, 1, 2, -1, Number.NaN);
  expect([...grayscaleImage(values, 3, 2).pixels]).toEqual([0, 128, 255, 255, 0, 0]);
});

test("an address holds the file in base64", () => {
  const image = grayscaleImage(Float32Array.of(0, 1), 2, 1);
  const [kind, base64] = pngAddress(image).split(",");
  expect(kind).toBe("data:image/png;base64");
  expect(new Uint8Array(Buffer.from(base64, "base64"))).toEqual(encodePng(image));
});

test("sizes that disagree are refused", () => {
  expect(() => encodePng({ width: 2, height: 2, pixels: new Uint8Array(3) })).toThrow(ShapeError);
  expect(() => encodePng({ width: 0, height: 2, pixels: new Uint8Array(0) })).toThrow(ShapeError);
  expect(() => grayscaleImage(new Float32Array(5), 2, 2)).toThrow("pixels must hold 2 x 2 values, got 5");
});

/** The header of a PNG file and its compressed data. */
function readPng(png: Uint8Array): { header: DataView; data: Uint8Array } {
  const view = new DataView(png.buffer, png.byteOffset);
  const parts = new Map<string, Uint8Array>();
  for (let offset = 8; offset < png.length; ) {
    const length = view.getUint32(offset);
    const type = String.fromCharCode(...png.subarray(offset + 4, offset + 8));
    parts.set(type, png.subarray(offset + 8, offset + 8 + length));
    offset += length + 12;
  }
  expect([...parts.keys()]).toEqual(["IHDR", "IDAT", "IEND"]);
  const header = parts.get("IHDR") ?? new Uint8Array();
  return { header: new DataView(header.buffer, header.byteOffset), data: parts.get("IDAT") ?? new Uint8Array() };
}
