/** Ids with several meanings: what decides, and that it is told. */
import { expect, test } from "vitest";
import { type GgufParts, ggufFile, key, tensor, text, u32 } from "../../../test/support/gguf-file.ts";
import { type GgufReader, openGguf } from "./reader.ts";

const architecture = (name: string): Uint8Array => key("general.architecture", 8, text(name));
const fileType = (id: number): Uint8Array => key("general.file_type", 4, u32(id));

/** 4 rows of 256: I2_S takes 288 bytes, IQ4_NL_* 576, I8_S 1024, MXFP4 544, TL2 288, Q2_0 288 or 272. */
const weight = (type: number, name = "w", offset = 0): Uint8Array => tensor(name, [256, 4], type, offset);
const norm = (offset: number): Uint8Array => tensor("norm", [8], 0, offset);

interface Decision {
  name: string;
  file: GgufParts;
  typeName: string;
  byteLength: number;
  evidence: RegExp;
}

const decisions: Decision[] = [
  {
    name: "36 by its size",
    file: { tensors: [weight(36), norm(288)], dataByteLength: 320 },
    ...{ typeName: "I2_S", byteLength: 288, evidence: /^type 36 is I2_S of bitnet.cpp: only so do the tensors fill/ },
  },
  {
    name: "36 by its size, whatever the architecture",
    file: { keys: [architecture("bitnet-b1.58"), fileType(40)], tensors: [weight(36)], dataByteLength: 576 },
    ...{ typeName: "IQ4_NL_4_4", byteLength: 576, evidence: /only so do the tensors fill/ },
  },
  {
    name: "36 by what is in use, where there are gaps",
    file: { keys: [fileType(40)], tensors: [weight(36)], dataByteLength: 4096 },
    ...{ typeName: "I2_S", byteLength: 288, evidence: /general.file_type is 40 and ggml has retired type 36/ },
  },
  {
    name: "36 by the architecture, where there are gaps",
    file: { keys: [architecture("bitnet-b1.58")], tensors: [weight(36)], dataByteLength: 4096 },
    ...{ typeName: "I2_S", byteLength: 288, evidence: /general.architecture is "bitnet-b1.58"/ },
  },
  {
    name: "37",
    file: { tensors: [weight(37)], dataByteLength: 1024 },
    ...{ typeName: "I8_S", byteLength: 1024, evidence: /only so/ },
  },
  {
    name: "38",
    file: { tensors: [weight(38)], dataByteLength: 288 },
    ...{ typeName: "TL1", byteLength: 288, evidence: /only so/ },
  },
  {
    name: "39 by its size",
    file: { keys: [architecture("bitnet")], tensors: [weight(39)], dataByteLength: 544 },
    ...{ typeName: "MXFP4", byteLength: 544, evidence: /only so/ },
  },
  {
    name: "39 by its size in a file of bitnet.cpp",
    file: { keys: [architecture("llama")], tensors: [weight(39), norm(288)], dataByteLength: 320 },
    ...{ typeName: "TL2", byteLength: 288, evidence: /only so/ },
  },
  {
    name: "39 without evidence",
    file: { keys: [architecture("gpt-oss")], tensors: [weight(39)], dataByteLength: 2048 },
    ...{ typeName: "MXFP4", byteLength: 544, evidence: /not one of bitnet.cpp's/ },
  },
  {
    name: "39 without metadata",
    file: { tensors: [weight(39)], dataByteLength: 2048 },
    ...{ typeName: "MXFP4", byteLength: 544, evidence: /general.architecture is absent/ },
  },
  {
    name: "39 where one meaning has no room",
    file: { tensors: [weight(39)], dataByteLength: 500 },
    ...{ typeName: "TL2", byteLength: 288, evidence: /any other meaning needs more bytes/ },
  },
  {
    name: "42 as ggml has it",
    file: { tensors: [tensor("w", [256, 8], 42), norm(576)], dataByteLength: 608 },
    ...{ typeName: "Q2_0", byteLength: 576, evidence: /only so/ },
  },
  {
    name: "42 as PrismML had it",
    file: { tensors: [weight(42)], dataByteLength: 272 },
    ...{ typeName: "Q2_0_128", byteLength: 272, evidence: /^type 42 is Q2_0_128 of PrismML: only so/ },
  },
  {
    name: "42 without evidence",
    file: { tensors: [weight(42)], dataByteLength: 1024 },
    ...{ typeName: "Q2_0", byteLength: 288, evidence: /ggml's own/ },
  },
];

async function open(file: GgufParts): Promise<GgufReader> {
  return openGguf(ggufFile(file));
}

test.each(decisions)("$name: $typeName", async ({ file, typeName, byteLength, evidence }) => {
  await using reader = await open(file);
  const tensor = reader.tensors.get("w");
  expect(tensor).toMatchObject({ typeName, byteLength });
  expect(tensor?.typeEvidence).toMatch(evidence);
  expect(reader.tensors.get("norm")?.typeEvidence).toBeUndefined();
});

test("one tensor that is plain decides for those that are not", async () => {
  const tensors = [weight(36, "w", 0), weight(38, "v", 512), norm(800)]; // only the second fills its bytes
  await using reader = await open({ tensors, dataByteLength: 832 });
  expect(reader.tensors.get("w")?.typeName).toBe("I2_S");
  expect(reader.tensors.get("v")?.typeName).toBe("TL1");
});

test("no meaning fits", async () => {
  await expect(open({ tensors: [weight(36)], dataByteLength: 200 })).rejects.toThrow(
    /tensor "w".*\[4, 256\] of type 36 has 200 bytes, but IQ4_NL_4_4 of ggml takes 576 and I2_S of bitnet.cpp takes 288/,
  );
  await expect(open({ tensors: [tensor("w", [30, 2], 39)], dataByteLength: 64 })).rejects.toThrow(
    /MXFP4 of ggml cannot have this shape and TL2 of bitnet.cpp/,
  );
});

test.each([
  [38, "TL1", 288],
  [39, "TL2", 288],
])("type %i, %s, is listed, and refused when it is read", async (type, name, dataByteLength) => {
  await using reader = await open({ tensors: [weight(type)], dataByteLength });
  expect(reader.tensors.get("w")?.refusal).toMatch(/tiled for one build of bitnet.cpp/);
  await expect(reader.read("w")).rejects.toMatchObject({ tensor: "w", offset: reader.dataStart, code: "FILE" });
  await expect(reader.read("w")).rejects.toThrow(`${name} is not read: its weights are tiled`);
});

test("TL2 counts bytes as bitnet.cpp does", async () => {
  // 3200 columns, 640 rows: 2944 · 640 / 3 triples of 5 bits, rounded as integers are, then 256 · 640 / 2 pairs of 4 bits.
  const dataByteLength = 392_533 + 40_960 + 11 + 32;
  await using reader = await open({ tensors: [tensor("w", [3200, 640], 39)], dataByteLength });
  expect(reader.tensors.get("w")).toMatchObject({ typeName: "TL2", byteLength: dataByteLength });
});
