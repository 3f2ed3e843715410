/** Files as MNIST is published in, for tests that read them. */

/** An idx file of unsigned bytes, row-major in `shape`. */
export function idxFile(values: Uint8Array, shape: readonly number[]): Uint8Array {
  const header = new Uint8Array(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  for (const [axis, size] of shape.entries()) new DataView(header.buffer).setUint32(4 + 4 * axis, size);
  const file = new Uint8Array(header.length + values.length);
  file.set(header);
  file.set(values, header.length);
  return file;
}
