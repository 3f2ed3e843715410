/** Random damage to files, for tests that readers survive it. */
import fc from "fast-check";

/** A way to damage a file; the bytes it is given stay as they are. */
export type ByteEdit = (bytes: Uint8Array) => Uint8Array;

/** A place in a file, as a share of its length, anywhere. */
export const anyPlace: fc.Arbitrary<number> = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/**
 * Bits and bytes changed, bytes removed, inserted and copied, files cut.
 *
 * @param spot where: a share of the file's length
 */
export function byteEdits(spot: fc.Arbitrary<number>): fc.Arbitrary<ByteEdit> {
  const set = (value: fc.Arbitrary<(before: number) => number>) =>
    fc.tuple(spot, value).map<ByteEdit>(([at, change]) => (bytes) => {
      const changed = new Uint8Array(bytes);
      const index = Math.floor(at * bytes.length);
      changed[index] = change(changed[index]);
      return changed;
    });
  return fc.oneof(
    set(fc.integer({ min: 0, max: 7 }).map((bit) => (before) => before ^ (1 << bit))),
    set(fc.integer({ min: 0, max: 255 }).map((value) => () => value)),
    set(fc.constantFrom(...`[]{}()",:'0123456789.-eE\\ `).map((character) => () => character.charCodeAt(0))),
    anyPlace.map<ByteEdit>((at) => (bytes) => bytes.subarray(0, Math.floor(at * bytes.length))),
    fc.tuple(spot, anyPlace).map<ByteEdit>(([from, length]) => (bytes) => {
      const start = Math.floor(from * bytes.length);
      return splice(bytes, start, start + Math.floor(length * 20), new Uint8Array(0));
    }),
    fc.tuple(spot, fc.uint8Array({ maxLength: 12 })).map<ByteEdit>(([at, inserted]) => (bytes) => {
      const start = Math.floor(at * bytes.length);
      return splice(bytes, start, start, inserted);
    }),
    fc.tuple(spot, spot, anyPlace).map<ByteEdit>(([from, to, length]) => (bytes) => {
      const start = Math.floor(from * bytes.length);
      const target = Math.floor(to * bytes.length);
      return splice(bytes, target, target, bytes.slice(start, start + Math.floor(length * 60)));
    }),
  );
}

/** The bytes with those from `start` to `end` replaced. */
export function splice(bytes: Uint8Array, start: number, end: number, inserted: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, start), ...inserted, ...bytes.subarray(end)]);
}
