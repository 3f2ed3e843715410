/** Checks that tell PASS or FAIL, and never end the program. */

/** What a check found. */
export interface CheckResult {
  /** What was to hold. */
  readonly name: string;
  readonly passed: boolean;
  /** How much was compared, or what went wrong. */
  readonly detail: string;
}

/** Runs a check; an error that it throws is its failure. */
export async function runCheck(name: string, check: () => Promise<string>): Promise<CheckResult> {
  try {
    return { name, passed: true, detail: await check() };
  } catch (error) {
    return { name, passed: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Compares two arrays bit by bit, NaN being equal to NaN.
 *
 * @returns how many values were compared
 * @throws Error naming the first difference
 */
export function compareBits(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: expected ${expected.length} values, got ${actual.length}`);
  }
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i])) continue;
    throw new Error(`${what}: value ${i} should be ${expected[i]}, got ${actual[i]}`);
  }
  return expected.length;
}
