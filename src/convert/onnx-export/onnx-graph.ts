/** An ONNX graph under construction: operations over named values, constants, and how images lie. */
import { UnsupportedError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import type { OnnxConstant, WrittenAttribute, WrittenNode } from "../../files/onnx/index.ts";

/** A value that operations give and take. */
export interface OnnxValue {
  readonly name: string;
  /** As in a deployed model, channels last; null where a size may vary, as that of the batch, the first one. */
  readonly shape: readonly (number | null)[];
  /** Whether ONNX holds it as `[batch, channels, height, width]`. */
  readonly isChannelsFirst: boolean;
}

/** What an operation needs beside its inputs. */
export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, WrittenAttribute>>;
  /** Operator set; the standard one where absent. */
  readonly domain?: string;
}

const TO_CHANNELS_FIRST = [0, 3, 1, 2];
const TO_CHANNELS_LAST = [0, 2, 3, 1];

/** Collects what a model is made of; names begin with the node of the deployed model that they come from. */
export class OnnxGraph {
  readonly nodes: WrittenNode[] = [];
  readonly constants: OnnxConstant[] = [];
  /** The node that is being exported, for names. */
  scope = "";
  readonly #names = new Set<string>();
  readonly #sharedConstants = new Map<string, string>();
  readonly #moved = new Map<string, OnnxValue>();

  /** @param reserved names of the inputs and outputs of the graph */
  constructor(reserved: readonly string[]) {
    for (const name of reserved) this.#names.add(name);
  }

  /** Appends an operation with one result and gives that its name. */
  op(opType: string, inputs: readonly string[], { attributes = {}, domain }: NodeOptions = {}): string {
    const name = this.#unique(opType);
    this.nodes.push({ name, opType, inputs, outputs: [name], attributes, ...(domain !== undefined && { domain }) });
    return name;
  }

  /** Gives a value another name. */
  rename(from: string, to: string): void {
    this.nodes.push({ name: to, opType: "Identity", inputs: [from], outputs: [to] });
  }

  /** A float32 constant of the node. */
  floats(label: string, shape: Shape, values: Float32Array): string {
    return this.#constant({ name: this.#unique(label), dtype: "F32", shape, values });
  }

  /** A constant of bytes. */
  bytes(label: string, shape: Shape, values: Uint8Array): string {
    return this.#constant({ name: this.#unique(label), dtype: "U8", shape, values });
  }

  /** A list of whole numbers, which some operations take as an input; operations of the whole model share it. */
  integers(values: readonly number[]): string {
    return this.#shared(`integers ${values.join(" ")}`, (name) => ({
      ...{ name, dtype: "I64", shape: [values.length] },
      values: BigInt64Array.from(values, BigInt),
    }));
  }

  /** A single float32 number, which operations of the whole model share. */
  scalar(value: number): string {
    return this.#shared(`float ${value}`, (name) => ({
      name,
      dtype: "F32",
      shape: [],
      values: Float32Array.of(value),
    }));
  }

  /** Images as ONNX wants them; they are transposed once, however many operations read them. @throws UnsupportedError for what is no image */
  channelsFirst(value: OnnxValue): OnnxValue {
    if (value.shape.length !== 4) {
      throw new UnsupportedError(
        `it takes images, [batch, height, width, channels], got ${formatShape(value.shape.map((size) => size ?? -1))}`,
      );
    }
    return value.isChannelsFirst ? value : this.#move(value, TO_CHANNELS_FIRST);
  }

  /** A value with its features, or channels, last. */
  channelsLast(value: OnnxValue): OnnxValue {
    return value.isChannelsFirst ? this.#move(value, TO_CHANNELS_LAST) : value;
  }

  #move(value: OnnxValue, perm: readonly number[]): OnnxValue {
    const known = this.#moved.get(value.name);
    if (known) return known;
    const name = this.op("Transpose", [value.name], { attributes: { perm } });
    const moved = { ...value, name, isChannelsFirst: !value.isChannelsFirst };
    this.#moved.set(value.name, moved);
    this.#moved.set(name, value);
    return moved;
  }

  #shared(label: string, make: (name: string) => OnnxConstant): string {
    const known = this.#sharedConstants.get(label);
    if (known !== undefined) return known;
    const name = this.#uniqueOf(label);
    this.#sharedConstants.set(label, name);
    return this.#constant(make(name));
  }

  #constant(constant: OnnxConstant): string {
    this.constants.push(constant);
    return constant.name;
  }

  #unique(label: string): string {
    return this.#uniqueOf(this.scope === "" ? label : `${this.scope}/${label}`);
  }

  #uniqueOf(name: string): string {
    let unique = name;
    for (let suffix = 2; this.#names.has(unique); suffix++) unique = `${name}#${suffix}`;
    this.#names.add(unique);
    return unique;
  }
}
