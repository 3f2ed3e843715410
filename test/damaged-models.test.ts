/** Thousands of damaged model files: each gives a model that runs or refuses its input, or a `FileError`, soon and in few words. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { BitLinearError, DeployedModel, FileError, loadModel, modelToBytes } from "../src/index.ts";
import { editedTexts } from "./support/json-edits.ts";
import { type SampleModel, sampleInput, sampleModels } from "./support/sample-models.ts";

/** A hang, not a figure: what loads in a millisecond may wait long for a busy machine, but never this long. */
const HANG_MS = 5000;
/** Longest message: names in it are cut, so that a file cannot fill a log. */
const MAX_MESSAGE_LENGTH = 5000;

interface SavedSample extends SampleModel {
  readonly bytes: Uint8Array;
}

const saved: readonly SavedSample[] = await Promise.all(
  sampleModels.map(async (sample) => {
    using model = await DeployedModel.open(sample.graph);
    return { ...sample, bytes: modelToBytes(model) };
  }),
);

test.each(saved)("$title: every edit of the architecture", async (sample) => {
  const { header, data } = partsOf(sample.bytes);
  const architecture = header.__metadata__.bitlinear;
  const outcomes: boolean[] = [];
  for (const text of editedTexts(JSON.parse(architecture))) {
    const __metadata__ = { ...header.__metadata__, bitlinear: text };
    outcomes.push(await loads(fileOf(JSON.stringify({ ...header, __metadata__ }), data), sample));
  }
  expect(outcomes.length).toBeGreaterThan(500);
  expect(outcomes).toContain(true);
  expect(outcomes).toContain(false);
  expect(Object.hasOwn(Object.prototype, "isPolluted")).toBe(false);
});

test.each(saved)("$title: every edit of the tensor list", async (sample) => {
  const { header, data } = partsOf(sample.bytes);
  for (const text of editedTexts(header)) await loads(fileOf(text, data), sample);
});

test("several edits of the architecture at once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...saved),
      fc.array(fc.nat({ max: 5000 }), { minLength: 2, maxLength: 4 }),
      async (sample, choices) => {
        const { header, data } = partsOf(sample.bytes);
        let architecture = header.__metadata__.bitlinear;
        for (const choice of choices) architecture = editedText(architecture, choice) ?? architecture;
        const __metadata__ = { ...header.__metadata__, bitlinear: architecture };
        await loads(fileOf(JSON.stringify({ ...header, __metadata__ }), data), sample);
      },
    ),
    { numRuns: 300 },
  );
});

test("bytes changed, removed, repeated and inserted", async () => {
  const damage = fc.record({
    kind: fc.constantFrom("set", "remove", "repeat", "insert"),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 40 }),
    values: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...saved),
      fc.array(damage, { minLength: 1, maxLength: 3 }),
      async (sample, damages) => {
        let bytes = [...sample.bytes];
        for (const { kind, at, length, values } of damages) {
          const start = Math.floor(at * bytes.length);
          if (kind === "set") bytes = bytes.map((byte, i) => values[i - start] ?? byte);
          else if (kind === "remove") bytes.splice(start, length);
          else if (kind === "repeat") bytes.splice(start, 0, ...bytes.slice(start, start + length));
          else bytes.splice(start, 0, ...values);
        }
        await loads(Uint8Array.from(bytes), sample);
      },
    ),
    { numRuns: 3000 },
  );
});

test.each(saved)("$title: every truncation", async (sample) => {
  for (let length = 0; length < sample.bytes.length; length++) {
    expect(await loads(sample.bytes.slice(0, length), sample)).toBe(false);
  }
});

test("a model of vectors of vectors stops before it fills the memory", async () => {
  const weight = { kind: "float32", shape: [1, 1000], values: new Float32Array(1000) } as const;
  const nodes = Array.from({ length: 8 }, (_, i) => {
    return { name: `${i}`, op: "embedding", inputs: [i], attributes: {}, tensors: { weight } };
  });
  using model = await DeployedModel.open({ nodes, output: 8, inputShape: [1] });
  using loaded = await loadModel(modelToBytes(model));
  await expect(loaded.run([0])).rejects.toThrow(/embedding "2" gives at most 2\^28 values at once/);
});

/** Whether the file gives a model. Such a model must run, or refuse its input by one of our errors. */
async function loads(bytes: Uint8Array, sample: SampleModel): Promise<boolean> {
  const start = performance.now();
  const model = await loadModel(bytes).catch((error: unknown) => refusal(error, FileError));
  if (model === undefined) return false;
  const { data } = await model
    .runTensor(sampleInput(sample), { shape: sample.inputShape })
    .catch((error: unknown) => refusal(error, BitLinearError) ?? { data: new Float32Array(0) });
  model.dispose();
  if (!(data instanceof Float32Array)) throw new Error("no result");
  if (performance.now() - start > HANG_MS) throw new Error("hangs");
  return true;
}

/** Lets only expected errors pass: anything else is a failure of the test. */
function refusal(error: unknown, type: typeof FileError | typeof BitLinearError): undefined {
  if (!(error instanceof type)) throw error;
  if (error.message.length > MAX_MESSAGE_LENGTH) throw new Error("a message without end", { cause: error });
  return undefined;
}

interface FileParts {
  readonly header: { readonly __metadata__: Readonly<Record<string, string>>; readonly [tensor: string]: unknown };
  readonly data: Uint8Array;
}

function partsOf(bytes: Uint8Array): FileParts {
  const dataStart = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return {
    header: JSON.parse(new TextDecoder().decode(bytes.subarray(8, dataStart))),
    data: bytes.subarray(dataStart),
  };
}

/** A safetensors file put together without any check. */
function fileOf(header: string, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** The edit of a number, counted from the start; undefined where there is none or the text is no JSON any more. */
function editedText(text: string, index: number): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  let at = 0;
  for (const edited of editedTexts(value)) if (at++ === index) return edited;
  return undefined;
}
