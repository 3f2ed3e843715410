import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { network, points } from "../../../test/support/small-trainings.ts";
import { fit } from "./fit.ts";
import type { EpochRecord } from "./history.ts";
import { epochLine, type ProgressEvent, progressBar } from "./progress.ts";

const CLEAR = "\r\u001b[K";
const record: EpochRecord = {
  epoch: 2,
  loss: 0.12345,
  metrics: { accuracy: 0.97123, f1: 0.51239 },
  validationLoss: 0.2,
  validationMetrics: { accuracy: 0.96 },
  learningRate: 0.001,
  seconds: 4.05,
};
const shares = ["accuracy"];
const epochEvent = { kind: "epoch", record, epochs: 5, shares } as const;

function step(batch: number, changes: Partial<Extract<ProgressEvent, { kind: "step" }>> = {}): ProgressEvent {
  return {
    kind: "step",
    epoch: 2,
    epochs: 5,
    batch,
    batches: 100,
    loss: 0.5,
    metrics: { accuracy: 0.9 },
    shares,
    batchSize: 64,
    samplesPerSecond: 640,
    ...changes,
  };
}

/** The bar at batch 50 of 100 on a terminal of that width. */
function lineAt(columns: number | undefined): string {
  const stream = new FakeStream(true, columns);
  progressBar("digits", { stream })(step(50));
  return stream.written[0].slice(CLEAR.length);
}

/** A stream that remembers what was written. */
class FakeStream {
  isTTY: boolean;
  columns: number | undefined;
  readonly written: string[] = [];

  constructor(isTTY: boolean, columns?: number) {
    this.isTTY = isTTY;
    this.columns = columns;
  }

  write(text: string): void {
    this.written.push(text);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("on a terminal", () => {
  test("a bar with percentage, figures, rate and the time until the end of the training", () => {
    const stream = new FakeStream(true, 120);
    const listen = progressBar("digits", { stream });
    vi.advanceTimersByTime(100);
    listen(step(50));
    const bar = `${"█".repeat(12)}${"░".repeat(12)}`;
    // 350 batches of 64 at 640 a second
    expect(stream.written).toEqual([
      `${CLEAR}digits  epoch 2/5  ${bar}  50%  35 s left  loss 0.5000  accuracy 90.00%  640 samples/s`,
    ]);
  });

  test("is redrawn in its place, not more often than can be seen", () => {
    const stream = new FakeStream(true, 80);
    const listen = progressBar("", { stream });
    for (let batch = 1; batch <= 100; batch++) {
      vi.advanceTimersByTime(10);
      listen(step(batch));
    }
    expect(stream.written).toHaveLength(13); // after 10 ms, and of the 990 left one in 80
    expect(stream.written.every((text) => text.startsWith(CLEAR) && !text.includes("\n"))).toBe(true);
  });

  test("the last columns that a line needs are one more than its length: a line that wraps cannot be drawn over", () => {
    const whole = `digits  epoch 2/5  ${"█".repeat(12)}${"░".repeat(12)}  50%  35 s left  loss 0.5000  accuracy 90.00%  640 samples/s`;
    expect(lineAt(whole.length + 1)).toBe(whole);
    expect(lineAt(whole.length)).toBe(whole.replace("  640 samples/s", ""));
    expect(lineAt(40)).toBe("digits  epoch 2/5  50%  35 s left");
    expect(lineAt(8)).toBe("digits");
  });

  test.each([undefined, 0])("a width of %s is taken for 100 columns", (columns) => {
    expect(lineAt(columns)).toBe(lineAt(100));
    expect(lineAt(columns)).not.toBe(lineAt(50));
  });

  test("styles take no room, and the bar is as wide as it is told", () => {
    const stream = new FakeStream(true, 41);
    const paint = (part: string, text: string) => `<${part}>${text}</>`;
    const listen = progressBar("digits", { stream, barWidth: 4, paint });
    listen(step(50));
    listen({ kind: "note", text: "something" });
    expect(stream.written).toEqual([
      `${CLEAR}<label>digits</>  epoch 2/5  <done>██</><left>░░</>  50%  35 s left`,
      `${CLEAR}<label>digits</>  <note>something</>\n`,
    ]);
  });

  test("the line of an epoch, or a note, takes the place of the bar and ends with a line break", () => {
    const stream = new FakeStream(true, 80);
    const listen = progressBar("", { stream });
    vi.advanceTimersByTime(100);
    listen(step(99));
    listen(epochEvent);
    listen({ kind: "note", text: "something" });
    expect(stream.written.slice(1)).toEqual([`${CLEAR}${epochLine(epochEvent)}\n`, "something\n"]);
  });

  test("without a known size it counts batches", () => {
    const stream = new FakeStream(true);
    const listen = progressBar("", { stream });
    vi.advanceTimersByTime(100);
    listen(step(7, { batches: undefined }));
    expect(stream.written).toEqual([`${CLEAR}epoch 2/5  batch 7  loss 0.5000  accuracy 90.00%  640 samples/s`]);
  });

  test.each([
    [59.2, "1:00 min"],
    [59, "59 s"],
    [119.7, "2:00 min"],
    [3599.5, "1:00 h"],
    [4000, "1:06 h"],
  ])("%d seconds are %s", (seconds, text) => {
    const stream = new FakeStream(true, 200);
    const listen = progressBar("", { stream });
    vi.advanceTimersByTime(100);
    listen(step(0, { epoch: 5, batches: 1, batchSize: 1, samplesPerSecond: 1 / seconds }));
    expect(stream.written[0]).toContain(`  ${text} left`);
  });
});

describe("in a log", () => {
  test("a line an epoch, and one every half a minute during long ones", () => {
    const stream = new FakeStream(false);
    const listen = progressBar("digits", { stream });
    for (let batch = 1; batch <= 100; batch++) {
      vi.advanceTimersByTime(700);
      listen(step(batch));
    }
    listen(epochEvent);
    const figures = "loss 0.5000  accuracy 90.00%  640 samples/s";
    expect(stream.written).toEqual([
      `digits  epoch 2/5  43%  36 s left  ${figures}\n`,
      `digits  epoch 2/5  86%  32 s left  ${figures}\n`,
      `digits  ${epochLine(epochEvent)}\n`,
    ]);
  });

  test("the line of an epoch", () => {
    expect(epochLine(epochEvent)).toBe(
      "epoch 2/5  loss 0.1235  accuracy 97.12%  f1 0.5124  validation loss 0.2000  validation accuracy 96.00%  4.0 s",
    );
    const { validationLoss, validationMetrics, ...bare } = record;
    expect(epochLine({ ...epochEvent, record: { ...bare, metrics: {} } })).toBe("epoch 2/5  loss 0.1235  4.0 s");
  });
});

test("without a stream, as in a browser, nothing happens", () => {
  vi.stubGlobal("process", undefined);
  try {
    expect(() => progressBar()(epochEvent)).not.toThrow();
  } finally {
    vi.unstubAllGlobals();
  }
});

describe("of fit", () => {
  const data = points(64);
  const writes = (): string[] => {
    const written: string[] = [];
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    return written;
  };
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test("goes to the standard error stream, a line an epoch", async () => {
    const written = writes();
    await fit(network(), data, { epochs: 2 });
    expect(written.map((text) => text.slice(0, 9))).toEqual(["epoch 1/2", "epoch 2/2"]);
    expect(written.every((text) => text.endsWith("\n"))).toBe(true);
  });

  test("is silent when it is not wanted", async () => {
    const written = writes();
    await fit(network(), data, { epochs: 1, progress: false });
    expect(written).toEqual([]);
  });

  test("a training that stops inside an epoch says where, on a line of its own", async () => {
    const stream = new FakeStream(true, 100);
    const draw = progressBar("", { stream });
    const controller = new AbortController();
    await fit(network(), data, {
      epochs: 1,
      batchSize: 16,
      signal: controller.signal,
      progress: (event) => {
        vi.advanceTimersByTime(100);
        draw(event);
        if (event.kind === "step" && event.batch === 3) controller.abort();
      },
    });
    expect(stream.written.at(-1)).toBe(`${CLEAR}stopped in epoch 1 after batch 3 of 4\n`);
  });
});
