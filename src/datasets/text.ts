/** Text for models that predict the next character. */
import { FileError, ShapeError, UnsupportedError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { readText } from "../files/index.ts";
import { findInDirectory } from "./data-directory.ts";
import type { Dataset, DatasetSplit } from "./dataset.ts";

/** The characters that a model knows; a character is a Unicode code point, its index the position in the list. */
export class Vocabulary {
  readonly characters: readonly string[];
  readonly #indices: ReadonlyMap<string, number>;

  /** @throws ShapeError when there is no character, one stands twice, or an entry is not one code point */
  constructor(characters: readonly string[]) {
    this.characters = [...characters];
    this.#indices = new Map(this.characters.map((character, index) => [character, index]));
    const isOne = (character: string) => [...character].length === 1;
    if (characters.length === 0 || this.#indices.size < characters.length || !characters.every(isOne)) {
      throw new ShapeError("a vocabulary needs one or more different characters of one code point each");
    }
  }

  /**
   * The characters of a text, in the order of their code points.
   *
   * @throws ShapeError when the text is empty
   */
  static of(text: string): Vocabulary {
    const codePointOf = (character: string) => character.codePointAt(0) ?? 0;
    return new Vocabulary([...new Set(text)].sort((a, b) => codePointOf(a) - codePointOf(b)));
  }

  /**
   * The index of each character.
   *
   * @throws UnsupportedError that names the first character which the vocabulary lacks
   */
  encode(text: string): Int32Array {
    const characters = [...text];
    return Int32Array.from(characters, (character, position) => {
      const index = this.#indices.get(character);
      if (index !== undefined) return index;
      throw new UnsupportedError(
        `the vocabulary lacks ${JSON.stringify(character)} (${codePointName(character)}, character ${position} of the ` +
          `text); its ${this.characters.length} characters are ${JSON.stringify(this.characters.join(""))}`,
      );
    });
  }

  /**
   * The text that indices stand for.
   *
   * @throws ShapeError when one is not an index of this vocabulary
   */
  decode(indices: Iterable<number>): string {
    let text = "";
    for (const index of indices) {
      const character = this.characters[index];
      if (character === undefined) {
        throw new ShapeError(`expected character indices of 0 to ${this.characters.length - 1}, got ${index}`);
      }
      text += character;
    }
    return text;
  }
}

/** How a text is cut. */
export interface CharacterDatasetOptions {
  /** Characters of a sample, T. */
  sequenceLength: number;
  /** Share of the text, at its end, that the test split takes; between 0 and 1. Default 0.1. */
  validationShare?: number;
}

/** A text cut into samples, with the vocabulary of the whole text. */
export interface CharacterDataset extends DatasetSplit {
  readonly vocabulary: Vocabulary;
}

/**
 * Cuts a text into samples that follow each other without overlap: inputs `[count, T]` are character indices, targets
 * `[count, T]` the index of the character after each. A rest too short for a sample is left out.
 *
 * @throws ShapeError when an option is out of range or a split has no room for one sample (T + 1 characters)
 */
export function characterDataset(text: string, options: CharacterDatasetOptions): CharacterDataset {
  const { sequenceLength, validationShare = 0.1 } = options;
  checkSize("sequenceLength", sequenceLength);
  if (!(validationShare > 0 && validationShare < 1)) {
    throw new ShapeError(`validationShare must lie between 0 and 1, got ${validationShare}`);
  }
  const vocabulary = Vocabulary.of(text);
  const codes = vocabulary.encode(text);
  const split = Math.round(codes.length * (1 - validationShare));
  const cut = (name: string, part: Int32Array) => cutIntoSamples(name, part, sequenceLength, vocabulary.characters);
  return {
    train: cut("text, training", codes.subarray(0, split)),
    test: cut("text, test", codes.subarray(split)),
    vocabulary,
  };
}

function cutIntoSamples(name: string, codes: Int32Array, length: number, classes: readonly string[]): Dataset {
  const count = Math.floor((codes.length - 1) / length);
  if (count < 1) {
    throw new ShapeError(
      `the split "${name}" holds ${codes.length} characters, but one sample takes ${length + 1}; ` +
        "take a longer text, a shorter sequenceLength or another validationShare",
    );
  }
  const inputs = Float32Array.from(codes.subarray(0, count * length));
  const targets = codes.slice(1, count * length + 1);
  return { name, inputs, inputShape: [length], targets, targetShape: [length], classes };
}

/**
 * The text of tiny Shakespeare (1.1 MB): `input.txt` in a directory or its folder `tinyshakespeare`. Node only.
 *
 * @throws FileError when it is absent, longer than 64 MiB or not UTF-8
 */
export async function loadTinyShakespeare(directory: string): Promise<string> {
  const path = await findInDirectory(directory, ["tinyshakespeare/input.txt", "input.txt"]);
  if (path === null) {
    const message = "tiny Shakespeare is not here: expected input.txt or tinyshakespeare/input.txt";
    throw new FileError(message, { file: directory });
  }
  return await readText(path);
}

function codePointName(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
