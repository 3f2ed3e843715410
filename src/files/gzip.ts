/** Gzip, by what both browsers and Node have for it. */
import { FileError } from "../core/errors.ts";
import { joinChunks } from "./source.ts";

/** Whether bytes start as gzip data do. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks gzip data; stops where they unpack to more than `maxByteLength` bytes.
 *
 * @throws FileError when they are damaged or unpack to more
 */
export async function unpackGzip(bytes: Uint8Array, file: string, maxByteLength: number): Promise<Uint8Array> {
  const packed = new Blob([new Uint8Array(bytes)]); // copied: a Blob takes no shared memory
  const reader = packed.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      byteLength += part.value.length;
      if (byteLength > maxByteLength) throw new FileError(`unpacks to more than ${maxByteLength} bytes`, { file });
      chunks.push(part.value);
    }
  } catch (cause) {
    await reader.cancel().catch(() => undefined); // unpacking is given up; the error is what matters
    if (cause instanceof FileError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileError(`the gzip data is damaged (${reason}); fetch the file again`, { file }, { cause });
  }
  return joinChunks(chunks, byteLength);
}
