/** Writing a report to disk; the rest of the folder makes strings and runs anywhere. */
import { writeFileAtomic } from "../files/node-files.ts";

/**
 * Writes a report as UTF-8, or leaves the file that is there.
 *
 * @throws FileError when it cannot be written
 * @throws UnsupportedError outside of Node
 */
export async function saveReport(path: string, html: string): Promise<void> {
  await writeFileAtomic(path, new TextEncoder().encode(html));
}
