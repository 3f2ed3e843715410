/**
 * Small pictures without an image library: PNG with uncompressed data.
 *
 * Portable Network Graphics Specification, Third Edition, W3C 2025; RFC 1950 (zlib), RFC 1951 (stored blocks).
 */
import { ShapeError } from "../../core/errors.ts";
import { checkSize } from "../../core/shape.ts";

/** A picture of gray values, `[height, width]` row-major, 0 black to 255 white. */
export interface GrayscaleImage {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/**
 * The picture of float values, `[height, width]` row-major, 0 black to 1 white; values beyond are clipped, NaN is black.
 *
 * @throws ShapeError when `values` does not hold `width` x `height` values
 */
export function grayscaleImage(values: Float32Array, width: number, height: number): GrayscaleImage {
  checkPixelCount(values.length, width, height);
  return { width, height, pixels: new Uint8Array(Uint8ClampedArray.from(values, (value) => value * 255)) };
}

/**
 * The picture as a PNG file, 8 bits per pixel.
 *
 * @throws ShapeError when a size is not a positive whole number or `pixels` does not hold `width` x `height` values
 */
export function encodePng({ width, height, pixels }: GrayscaleImage): Uint8Array<ArrayBuffer> {
  checkPixelCount(pixels.length, width, height);

  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header[8] = 8; // bits per sample; color type 0 (gray), compression 0, filter 0 and interlace 0 follow

  const rows = new Uint8Array(height * (width + 1)); // each row starts with its filter type, 0: none
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);

  return concatenate([SIGNATURE, chunk("IHDR", header), chunk("IDAT", store(rows)), chunk("IEND", new Uint8Array(0))]);
}

/** The picture as a `data:` address, for the `href` of an image element. */
export function pngAddress(image: GrayscaleImage): string {
  return `data:image/png;base64,${btoa(Array.from(encodePng(image), (byte) => String.fromCharCode(byte)).join(""))}`;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const LARGEST_BLOCK = 0xffff;

function checkPixelCount(count: number, width: number, height: number): void {
  checkSize("width", width);
  checkSize("height", height);
  if (count !== width * height) throw new ShapeError(`pixels must hold ${height} x ${width} values, got ${count}`);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const name = Uint8Array.from(type, (letter) => letter.charCodeAt(0));
  const body = concatenate([name, data]);
  return concatenate([bigEndian(data.length), body, bigEndian(crc32(body))]);
}

/** A zlib stream of stored blocks. */
function store(data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  for (let start = 0; start < data.length; start += LARGEST_BLOCK) {
    const block = data.subarray(start, start + LARGEST_BLOCK);
    const isLast = start + LARGEST_BLOCK >= data.length ? 1 : 0;
    const length = block.length;
    parts.push(Uint8Array.of(isLast, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255), block);
  }
  return concatenate([...parts, bigEndian(adler32(data))]);
}

function adler32(data: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of data) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 0x1_0000 + a;
}

function crc32(data: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return ~crc >>> 0;
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
