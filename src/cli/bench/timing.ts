/** Timing that a busy machine cannot tilt: whatever is compared takes turns. */

/** Work that can be repeated; it may end at once or later. */
export type Work = () => unknown;

/** How work is timed. */
export interface TimingOptions {
  /** How often each work is timed, in rounds. */
  readonly samples: number;
  /** Least length of a sample; short work is repeated as often as that takes. */
  readonly sampleMilliseconds: number;
  /** Rest before each sample, in which threads of the one before stop looking for work. */
  readonly pauseMilliseconds: number;
}

/**
 * Times several works in turns, every other round in reverse order.
 *
 * @returns for each work the samples in microseconds of one repetition
 */
export async function timeInTurns(works: readonly Work[], options: TimingOptions): Promise<number[][]> {
  const { samples, sampleMilliseconds, pauseMilliseconds } = options;
  const repetitions: number[] = [];
  for (const work of works) {
    await pause(pauseMilliseconds);
    repetitions.push(await countRepetitions(work, sampleMilliseconds));
  }
  const timed = works.map((): number[] => []);
  const order = works.map((_, i) => i);
  for (let round = 0; round < samples; round++) {
    for (const i of round % 2 === 0 ? order : order.toReversed()) {
      await pause(pauseMilliseconds);
      await works[i](); // wakes up what slept in the pause
      timed[i].push(((await millisecondsOf(works[i], repetitions[i])) * 1000) / repetitions[i]);
    }
  }
  return timed;
}

/** The middle of the sorted samples, or the mean of the two in the middle; NaN for none. */
export function medianOf(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

async function millisecondsOf(work: Work, repetitions: number): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < repetitions; i++) {
    const result = work();
    // To wait for what is there already would cost more than the smallest layers take.
    if (result instanceof Promise) await result;
  }
  return performance.now() - started;
}

/** Repetitions that fill a sample, found by doubling; so compilers have seen the work when it counts. */
async function countRepetitions(work: Work, sampleMilliseconds: number): Promise<number> {
  for (let repetitions = 1; ; repetitions *= 2) {
    const milliseconds = await millisecondsOf(work, repetitions);
    if (milliseconds >= sampleMilliseconds) return Math.ceil((repetitions * sampleMilliseconds) / milliseconds);
  }
}

async function pause(milliseconds: number): Promise<void> {
  if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
