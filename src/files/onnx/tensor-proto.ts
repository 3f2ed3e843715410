/** What an ONNX file says of a tensor, and where its values are: `TensorProto` without the values themselves. */
import { FileError } from "../../core/errors.ts";
import { elementCount, formatShape, type Shape } from "../../core/shape.ts";
import { arrayByteLength, type ElementType } from "../element-types.ts";
import { shorten } from "../header-cursor.ts";
import { dataTypeOf, type OnnxDataType, typedFields } from "./data-types.ts";
import { BYTES, type ByteRange, MAX_VARINT_BYTES, VARINT, type WireField, type WireReader } from "./wire-reader.ts";

/** A tensor of an ONNX file. */
export interface OnnxTensor {
  readonly name: string;
  /** The type as ONNX calls it: `FLOAT`, `UINT4`. */
  readonly typeName: string;
  /** The same in safetensors' words; undefined for a type that cannot be read here. */
  readonly dtype: ElementType | undefined;
  readonly shape: Shape;
  /** Bytes of its values as `read` gives them, little-endian; 0 for a type that cannot be read here. */
  readonly byteLength: number;
}

/** Where the values of a tensor are. */
export type OnnxStorage =
  | { readonly kind: "bytes" | "varints"; readonly pieces: readonly ByteRange[] }
  | { readonly kind: "external"; readonly entries: ReadonlyMap<string, string> };

/** A tensor with the place of its values. */
export interface StoredOnnxTensor extends OnnxTensor {
  readonly storage: OnnxStorage;
  /** Where its description begins, for messages. */
  readonly offset: number;
}

/** Numbers of the fields of `TensorProto`, and of the entries of its external data. */
const FIELDS = { dims: 1, dataType: 2, segment: 3, name: 8, rawData: 9, externalData: 13, dataLocation: 14 };
const ENTRY_FIELDS = { key: 1, value: 2 };
const EXTERNAL = 1;

const MAX_AXES = 32;
const MAX_PIECES = 1 << 16;

/** What was read of a tensor so far. */
interface Draft {
  name: string;
  readonly shape: number[];
  dataType: number;
  isExternal: boolean;
  rawData: ByteRange | undefined;
  /** Of the fields for one type each, by number. */
  readonly typed: Map<number, ByteRange[]>;
  readonly external: Map<string, string>;
}

/**
 * Reads the description of a tensor.
 *
 * @param name what it is called where its own name does not count: a constant's is that of the node's output
 * @throws FileError with the byte and, as soon as it is known, the name, when sizes, type and values do not fit each other
 */
export async function readTensorProto(wire: WireReader, message: ByteRange, name = ""): Promise<StoredOnnxTensor> {
  const draft: Draft = {
    ...{ name, shape: [], dataType: 0, isExternal: false, rawData: undefined },
    ...{ typed: new Map(), external: new Map() },
  };
  try {
    for await (const field of wire.fields(message)) await readField(wire, field, draft, name === "");
    return tensorOf(wire, message, draft);
  } catch (error) {
    if (!(error instanceof FileError) || error.tensor !== undefined || draft.name === "") throw error;
    const { file, offset } = error;
    const problem = error.message.slice(error.message.indexOf(": ", file.length) + 2);
    const location = { file, tensor: shorten(draft.name), ...(offset !== undefined && { offset }) };
    throw new FileError(problem, location, { cause: error.cause });
  }
}

async function readField(wire: WireReader, field: WireField, draft: Draft, isNamed: boolean): Promise<void> {
  switch (field.number) {
    case FIELDS.dims:
      draft.shape.push(...(await wire.integers(field, "the sizes of a tensor", MAX_AXES)));
      if (draft.shape.length > MAX_AXES) wire.fail(`a tensor has at most ${MAX_AXES} axes, got more`, field.start);
      break;
    case FIELDS.dataType:
      draft.dataType = wire.integer(field, "the type of a tensor");
      break;
    case FIELDS.segment:
      wire.fail("this tensor is a segment of another, which is not supported: export the model again", field.start);
      break;
    case FIELDS.name:
      if (isNamed) draft.name = await wire.text(field, "the name of a tensor");
      break;
    case FIELDS.rawData:
      if (draft.rawData) wire.fail("this tensor has its bytes twice: the file is damaged", field.start);
      draft.rawData = wire.expect(field, BYTES, "the bytes of a tensor");
      break;
    case FIELDS.externalData:
      await readExternalEntry(wire, wire.expect(field, BYTES, "where the bytes of a tensor are"), draft.external);
      break;
    case FIELDS.dataLocation:
      draft.isExternal = wire.integer(field, "where the bytes of a tensor are") === EXTERNAL;
      break;
    default:
      addTypedPiece(wire, field, draft.typed);
  }
}

/** Takes values of a field for some types; fields that hold no values are passed over. */
function addTypedPiece(wire: WireReader, field: WireField, typed: Draft["typed"]): void {
  const known = typedFields.find(({ number }) => number === field.number);
  if (!known) return;
  if (field.wireType !== BYTES) wire.expect(field, known.wireType, "a value of a tensor");
  const pieces = typed.get(field.number) ?? [];
  if (pieces.length === MAX_PIECES) {
    wire.fail(`the values of a tensor come in at most ${MAX_PIECES} pieces, got more: export it again`, field.start);
  }
  if (field.end > field.begin) pieces.push({ begin: field.begin, end: field.end });
  typed.set(field.number, pieces);
}

async function readExternalEntry(wire: WireReader, entry: ByteRange, entries: Map<string, string>): Promise<void> {
  const texts = { key: "", value: "" };
  for await (const field of wire.fields(entry)) {
    if (field.number === ENTRY_FIELDS.key) texts.key = await wire.text(field, "a key of external data");
    else if (field.number === ENTRY_FIELDS.value) texts.value = await wire.text(field, "a value of external data");
  }
  if (entries.has(texts.key)) wire.fail(`external data say ${JSON.stringify(texts.key)} twice`, entry.begin);
  entries.set(texts.key, texts.value);
}

function tensorOf(wire: WireReader, { begin: offset }: ByteRange, draft: Draft): StoredOnnxTensor {
  const { name, shape, dataType: code } = draft;
  const type = dataTypeOf(code);
  if (!type) wire.fail(`there is no element type ${code}: the file is damaged or newer than this reader`, offset);
  const wrong = shape.find((size) => size < 0 || !Number.isSafeInteger(size));
  if (wrong !== undefined) {
    wire.fail(`a size of a tensor is a whole number from 0 to 2^53 - 1, got ${wrong}: the file is damaged`, offset);
  }
  const head = { name, typeName: type.name, shape, offset };
  const { elementType, field } = type;
  if (!elementType || !field) {
    return { ...head, dtype: undefined, byteLength: 0, storage: { kind: "bytes", pieces: [] } };
  }
  const byteLength = arrayByteLength(elementType, shape);
  if (byteLength === undefined) {
    wire.fail(`${type.name} ${formatShape(shape)} takes 2^53 bytes or more: the file is damaged`, offset);
  }
  const storage = storageOf(wire, draft, type, byteLength, offset);
  return { ...head, dtype: elementType, byteLength, storage };
}

/** Where the values are, which is one place that holds as many as the shape says. */
function storageOf(
  wire: WireReader,
  { shape, isExternal, rawData, typed, external }: Draft,
  { name, field }: OnnxDataType,
  byteLength: number,
  offset: number,
): OnnxStorage {
  const pieces = (field && typed.get(field.number)) ?? [];
  const isTyped = [...typed.values()].some(({ length }) => length > 0);
  const places = [isExternal, rawData !== undefined && rawData.end > rawData.begin, isTyped];
  if (places.filter(Boolean).length > 1)
    wire.fail("this tensor has its values in two places: the file is damaged", offset);
  if (isExternal) return { kind: "external", entries: external };
  const isVarint = field?.wireType === VARINT && isTyped;
  const stored = isTyped ? pieces : rawData ? [rawData] : [];
  const storedLength = stored.reduce((sum, { begin, end }) => sum + end - begin, 0);
  const count = elementCount(shape);
  const fits = isVarint
    ? storedLength >= count && storedLength <= count * MAX_VARINT_BYTES
    : storedLength === byteLength;
  if (fits) return { kind: isVarint ? "varints" : "bytes", pieces: stored };
  const needed = isVarint ? `${count} to ${count * MAX_VARINT_BYTES}` : `${byteLength}`;
  wire.fail(`${name} ${formatShape(shape)} takes ${needed} bytes, got ${storedLength}: the file is damaged`, offset);
}
