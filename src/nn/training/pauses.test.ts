import { expect, test, vi } from "vitest";
import { Pauses } from "./pauses.ts";

/** Computes for some time, pausing on the way. */
async function computeFor(milliseconds: number): Promise<void> {
  const pauses = new Pauses();
  const end = performance.now() + milliseconds;
  while (performance.now() < end) await pauses.take();
}

test("timers run during a computation that never leaves the thread otherwise", async () => {
  let isDone = false;
  const fired = new Promise<boolean>((resolve) => setTimeout(() => resolve(!isDone), 1));
  await computeFor(200);
  isDone = true;
  expect(await fired).toBe(true);
});

test("a long computation pauses now and then, not all the time", async () => {
  const channels = vi.spyOn(globalThis, "MessageChannel");
  await computeFor(100);
  expect(channels.mock.calls.length).toBeGreaterThanOrEqual(1);
  expect(channels.mock.calls.length).toBeLessThanOrEqual(5); // one in 20 ms
  channels.mockRestore();
});

test("short computations do not pause", async () => {
  let turns = 0;
  const counted = setImmediate(() => turns++);
  for (let i = 0; i < 10; i++) await new Pauses().take();
  expect(turns).toBe(0);
  clearImmediate(counted);
});
