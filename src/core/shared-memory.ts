/** Memory that several threads may have. */

/** Whether memory stays where it is, whatever its owner does. */
export function isShared({ buffer }: Float32Array): boolean {
  return typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
}
