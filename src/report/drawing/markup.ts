/** Building SVG and HTML as text, where whatever is inserted is escaped unless it is markup itself. */

/** Text that may stand in a document as it is; `markup` and `trustedMarkup` make it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a `markup` template takes: strings are escaped, numbers rounded to 0.01, `undefined` and `false` are left out. */
export type MarkupValue = Markup | string | number | undefined | false | readonly MarkupValue[];

/** Template tag: the literal parts are markup, the inserted values are escaped for text and quoted attributes alike. */
export function markup(literals: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  let text = literals[0];
  for (let i = 0; i < values.length; i++) text += render(values[i]) + literals[i + 1];
  return new Markup(text);
}

/** Declares that a string is markup from our own hands: nothing in it is escaped. */
export function trustedMarkup(text: string): Markup {
  return new Markup(text);
}

/** Escapes a string for XML and HTML, in text and in quoted attributes; characters XML forbids become U+FFFD. */
export function escapeText(text: string): string {
  return text.replace(FORBIDDEN_IN_XML, "\uFFFD").replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

function render(value: MarkupValue): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return escapeText(value);
  if (typeof value === "number") return String(Math.round(value * 100) / 100 + 0); // + 0 turns -0 into 0
  if (value === undefined || value === false) return "";
  return value.map(render).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Everything outside the Char production of XML 1.0 (under the u flag a lone surrogate counts as a character of its own). */
const FORBIDDEN_IN_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;
