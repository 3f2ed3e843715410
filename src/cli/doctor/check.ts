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
  return compare(what, actual, expected, (i) => Object.is(actual[i], expected[i]));
}

/** The same for values that may differ by a bound each. */
export function compareWithin(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bounds: ArrayLike<number>,
): number {
  return compare(what, actual, expected, (i) => Math.abs(actual[i] - expected[i]) <= bounds[i]);
}

function compare(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  agree: (index: number) => boolean,
): number {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: expected ${expected.length} values, got ${actual.length}`);
  }
  for (let i = 0; i < expected.length; i++) {
    if (!agree(i)) throw new Error(`${what}: value ${i} should be ${expected[i]}, got ${actual[i]}`);
  }
  return expected.length;
}
