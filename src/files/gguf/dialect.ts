/**
 * What the type ids of a file mean. bitnet.cpp gave ids 36 to 39 to its own types; ggml has retired 36 to 38 and uses 39 for
 * MXFP4, and llama.cpp reads a bitnet.cpp file of type 39 as that without a word. Q2_0 has blocks of 64 weights in ggml and
 * of 128 in the program that it comes from. Each is decided by evidence, which is reported:
 *
 * 1. the bytes between a tensor and the next must be what its type takes, where that is true of one meaning only;
 * 2. else what the metadata say; 3. else the one that is in use.
 */
import { FileError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { shorten } from "../header-cursor.ts";
import { type GgufDialect, type GgufType, ggufByteLength, retiredTypeNames, typesOfId } from "./block-types.ts";
import type { GgufHeader, TensorInfo } from "./header.ts";
import { alignUp, ggufNumber, ggufText } from "./values.ts";

/** The type of a tensor, and why an id with several meanings was read so. */
export interface DecidedType {
  readonly type: GgufType;
  readonly evidence?: string;
}

/** Bytes from each tensor to the next, or to the end of the file. */
export type TensorSpaces = ReadonlyMap<TensorInfo, number>;

/** Architectures that bitnet.cpp's converters write; llama.cpp itself knows the first, but never with these ids. */
const BITNET_CPP_ARCHITECTURES = ["bitnet", "bitnet-25", "bitnet-b1.58"];
const BITNET_CPP_FILE_TYPE_I2_S = 40;

/**
 * The type of every tensor, in the order of the header.
 *
 * @throws FileError for an id that nothing is known of, and where no meaning of an id fits the file
 */
export function decideTypes(header: GgufHeader, spaces: TensorSpaces, file: string): readonly DecidedType[] {
  const dialects = new Map<string, { dialect: GgufDialect; evidence: string }>();
  return header.tensors.map((info) => {
    const meanings = typesOfId(info.typeId);
    if (meanings.length === 0) failAt(info, file, `element type ${info.typeId} is not known here`);
    if (meanings.length === 1) return { type: meanings[0] };
    // A file comes from one program: all its tensors of such ids are decided together.
    const programs = meanings.map(({ dialect }) => dialect).join();
    const decided = dialects.get(programs) ?? decideDialect(header, spaces, programs, file);
    dialects.set(programs, decided);
    const type = meanings.find(({ dialect }) => dialect === decided.dialect) ?? meanings[0];
    return { type, evidence: `type ${info.typeId} is ${type.name} of ${type.dialect}: ${decided.evidence}` };
  });
}

function decideDialect(
  header: GgufHeader,
  spaces: TensorSpaces,
  programs: string,
  file: string,
): { dialect: GgufDialect; evidence: string } {
  const concerned = header.tensors.filter(({ typeId }) => {
    const meanings = typesOfId(typeId);
    return meanings.length > 1 && meanings.map(({ dialect }) => dialect).join() === programs;
  });
  const dialects = typesOfId(concerned[0].typeId).map(({ dialect }) => dialect);
  const fits = (dialect: GgufDialect, isExact: boolean) =>
    concerned.every((info) => fitsSpace(info, dialect, spaces.get(info) ?? 0, isExact ? header.alignment : undefined));

  const exact = dialects.filter((dialect) => fits(dialect, true));
  if (exact.length === 1) {
    return {
      dialect: exact[0],
      evidence: `only so do the tensors fill the bytes between them, ${concerned.length} of them`,
    };
  }
  const possible = dialects.filter((dialect) => fits(dialect, false));
  if (possible.length === 0) {
    const fitsNothing = (info: TensorInfo) => dialects.every((each) => !fitsSpace(info, each, spaces.get(info) ?? 0));
    const culprit = concerned.find(fitsNothing) ?? concerned[0];
    failNothingFits(culprit, spaces.get(culprit) ?? 0, file);
  }
  if (possible.length === 1)
    return { dialect: possible[0], evidence: "any other meaning needs more bytes than there are" };
  return decideByMetadata(header, concerned, possible);
}

/** Both meanings fit: a file of few, small tensors, or one with gaps. */
function decideByMetadata(
  { metadata }: GgufHeader,
  concerned: readonly TensorInfo[],
  possible: readonly GgufDialect[],
): { dialect: GgufDialect; evidence: string } {
  const sizes = "their sizes allow each meaning";
  if (!possible.includes("bitnet.cpp")) return { dialect: "ggml", evidence: `${sizes}, and this is ggml's own` };
  const architecture = ggufText(metadata, "general.architecture");
  const fileType = ggufNumber(metadata, "general.file_type");
  if (architecture !== undefined && BITNET_CPP_ARCHITECTURES.includes(architecture)) {
    return { dialect: "bitnet.cpp", evidence: `${sizes}, and general.architecture is "${architecture}"` };
  }
  const retired = concerned.find(({ typeId }) => retiredTypeNames.has(typesOfId(typeId)[0].name));
  if (retired === undefined) {
    const said = architecture === undefined ? "absent" : "not one of bitnet.cpp's";
    return { dialect: "ggml", evidence: `${sizes}, and general.architecture is ${said}` };
  }
  const also = fileType === BITNET_CPP_FILE_TYPE_I2_S ? `general.file_type is ${fileType} and ` : "";
  return { dialect: "bitnet.cpp", evidence: `${sizes}, and ${also}ggml has retired type ${retired.typeId}` };
}

/** Whether a tensor's bytes fit the space it has; given an alignment, whether they fill it. */
function fitsSpace(info: TensorInfo, dialect: GgufDialect, space: number, alignment?: number): boolean {
  const type = typesOfId(info.typeId).find((meaning) => meaning.dialect === dialect);
  const byteLength = type === undefined ? undefined : ggufByteLength(type, info.shape);
  if (byteLength === undefined || byteLength > space) return false;
  return alignment === undefined || space === byteLength || space === alignUp(byteLength, alignment);
}

function failNothingFits(info: TensorInfo, space: number, file: string): never {
  const needs = typesOfId(info.typeId).map((type) => {
    const byteLength = ggufByteLength(type, info.shape);
    return `${type.name} of ${type.dialect} ${byteLength === undefined ? "cannot have this shape" : `takes ${byteLength}`}`;
  });
  const problem = `${formatShape(info.shape)} of type ${info.typeId} has ${space} bytes, but ${needs.join(" and ")}`;
  failAt(info, file, `${problem}: the file is truncated or damaged`);
}

function failAt(info: TensorInfo, file: string, message: string): never {
  throw new FileError(message, { file, offset: info.saidAt, tensor: shorten(info.name) });
}
