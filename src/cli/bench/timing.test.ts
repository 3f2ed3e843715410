import { afterEach, expect, test, vi } from "vitest";
import { medianOf, timeInTurns } from "./timing.ts";

const options = { samples: 3, sampleMilliseconds: 1, pauseMilliseconds: 0 };

afterEach(() => {
  vi.restoreAllMocks();
});

test("the median is the middle, or the mean of the two in the middle", () => {
  expect(medianOf([3, 1, 2])).toBe(2);
  expect(medianOf([4, 1, 3, 2])).toBe(2.5);
  expect(medianOf([])).toBeNaN();
});

test("works take turns, every other round in reverse order", async () => {
  const clock = stopClock();
  const calls: string[] = [];
  const work = (name: string, milliseconds: number) => () => {
    calls.push(name);
    clock.milliseconds += milliseconds; // longer than a sample, so that each is a single call
  };
  const timed = await timeInTurns([work("a", 2), work("b", 5)], options);
  expect(timed).toEqual([
    [2000, 2000, 2000],
    [5000, 5000, 5000],
  ]);
  // Once each to count repetitions; then one call that does not count and one that does.
  expect(calls.join("")).toBe("ab" + "aabb" + "bbaa" + "aabb");
});

test("short work fills a sample, and its time is that of one repetition", async () => {
  const clock = stopClock();
  let calls = 0;
  const work = () => {
    calls++;
    clock.milliseconds += 1 / 8;
  };
  expect(await timeInTurns([work], options)).toEqual([[125, 125, 125]]);
  expect(calls).toBe(1 + 2 + 4 + 8 + 3 * (1 + 8));
});

test("work that ends later is waited for", async () => {
  let running = 0;
  const work = async () => {
    expect(running).toBe(0);
    running++;
    await new Promise((resolve) => setTimeout(resolve, 2));
    running--;
  };
  const [samples] = await timeInTurns([work], { ...options, pauseMilliseconds: 1 });
  for (const sample of samples) expect(sample).toBeGreaterThan(1000); // a timer may be a little early
});

/** A clock that only the test moves. */
function stopClock(): { milliseconds: number } {
  const clock = { milliseconds: 0 };
  vi.spyOn(performance, "now").mockImplementation(() => clock.milliseconds);
  return clock;
}
