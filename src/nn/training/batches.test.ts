import { describe, expect, test } from "vitest";
import { points } from "../../../test/support/small-trainings.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import {
  type Batch,
  type BatchOptions,
  batchesOf,
  knownSampleCount,
  type Sample,
  type TrainingData,
} from "./batches.ts";

/** Ten samples: inputs [i, i + ½], target i. */
const data: Dataset = {
  name: "ten",
  inputs: Float32Array.from({ length: 20 }, (_, i) => (i >> 1) + (i & 1) / 2),
  inputShape: [2],
  targets: Int32Array.from({ length: 10 }, (_, i) => i),
  targetShape: [],
};
const samples: Sample[] = Array.from(data.targets, (target) => ({ input: [target, target + 0.5], target }));

/** All batches of an epoch, copied, because their arrays last only until the next one. */
async function collect(given: TrainingData, options: BatchOptions, epoch = 0): Promise<Batch[]> {
  const found: Batch[] = [];
  for await (const batch of batchesOf(given, epoch, options)) {
    found.push({ ...batch, inputs: batch.inputs.slice(), targets: batch.targets.slice() });
  }
  return found;
}

describe.each<[string, TrainingData]>([
  ["a dataset", data],
  ["samples", samples],
])("%s", (_, given) => {
  test("in order, with a smaller batch at the end", async () => {
    const batches = await collect(given, { batchSize: 4 });
    expect(batches.map(({ targets }) => [...targets])).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect([...batches[2].inputs]).toEqual([8, 8.5, 9, 9.5]);
    expect(batches.map(({ count }) => count)).toEqual([4, 4, 2]);
    expect(batches[0]).toMatchObject({ inputShape: [2], targetShape: [] });
  });

  test("without it, telling how many samples it would have had", async () => {
    const dropped: number[] = [];
    const dropLast = (count: number) => dropped.push(count);
    expect(await collect(given, { batchSize: 4, dropLast })).toHaveLength(2);
    expect(await collect(given, { batchSize: 5, dropLast })).toHaveLength(2);
    expect(dropped).toEqual([2]);
  });

  test("from some batch on", async () => {
    const batches = await collect(given, { batchSize: 4, skip: 1 });
    expect(batches.map(({ targets }) => targets[0])).toEqual([4, 8]);
    expect(await collect(given, { batchSize: 4, skip: 3 })).toEqual([]);
    expect(await collect(given, { batchSize: 5, skip: 2 })).toEqual([]);
  });

  test("seen in the shape of the model", async () => {
    const [batch] = await collect(given, { batchSize: 4, inputShape: [1, 2, 1] });
    expect(batch.inputShape).toEqual([1, 2, 1]);
    expect((await collect(given, { batchSize: 4, inputShape: [null] }))[0].inputShape).toEqual([2]);
    await expect(collect(given, { batchSize: 4, inputShape: [3] })).rejects.toThrow(/shape \[3\], the data have \[2\]/);
    await expect(collect(given, { batchSize: 4, inputShape: [null, 2] })).rejects.toThrow(/shape \[any, 2\]/);
  });
});

describe("shuffling", () => {
  const order = async (shuffleSeed: number, epoch: number): Promise<number[]> =>
    (await collect(points(50), { batchSize: 10, shuffleSeed }, epoch)).flatMap(({ inputs }) => [...inputs]);

  test("gives each sample once, with its target", async () => {
    const batches = await collect(data, { batchSize: 3, shuffleSeed: 1 });
    const targets = batches.flatMap((batch) => [...batch.targets]);
    expect(targets).not.toEqual([...data.targets]);
    expect(targets.toSorted((a, b) => a - b)).toEqual([...data.targets]);
    for (const batch of batches) {
      batch.targets.forEach((target, i) => {
        expect([...batch.inputs.subarray(2 * i, 2 * i + 2)]).toEqual([target, target + 0.5]);
      });
    }
  });

  test("repeats for the same seed and epoch, and differs for others", async () => {
    expect(await order(1, 0)).toEqual(await order(1, 0));
    expect(await order(1, 0)).not.toEqual(await order(1, 1));
    expect(await order(1, 0)).not.toEqual(await order(2, 0));
  });
});

test("targets may be lists", async () => {
  const [batch] = await collect(
    [
      { input: [1], target: [2, 3] },
      { input: [4], target: [5, 6] },
    ],
    { batchSize: 2 },
  );
  expect(batch).toMatchObject({ targetShape: [2], targets: Float32Array.of(2, 3, 5, 6) });
});

test("a longer input of the model's last size is a sequence of rows", async () => {
  const rows = { ...data, inputs: new Float32Array(20 * 3), inputShape: [3, 2] };
  const [batch] = await collect(rows, { batchSize: 10, inputShape: [2] });
  expect(batch.inputShape).toEqual([3, 2]);
});

test("an iterable that is left early is closed", async () => {
  let closed = 0;
  const endless = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false as const, value: samples[0] }),
      return: () => {
        closed++;
        return { done: true as const, value: undefined };
      },
    }),
  };
  for await (const { count } of batchesOf(endless, 0, { batchSize: 2 })) {
    expect(count).toBe(2);
    break;
  }
  expect(closed).toBe(1);
});

test("the size is known of what is in memory", () => {
  expect([data, samples, new Set(samples), () => samples].map(knownSampleCount)).toEqual([
    10,
    10,
    undefined,
    undefined,
  ]);
});
