/** Reads SVG and HTML (written as XML) back into elements, so that tests ask for structure and not for text. */
import { SaxesParser } from "saxes";

/** An element with what is inside it. */
export interface MarkupElement {
  name: string;
  attributes: Record<string, string>;
  children: MarkupElement[];
  /** All text inside, that of descendants included. */
  text: string;
}

/** The root element of a document. @throws Error when the document is not well-formed XML */
export function parseMarkup(document: string): MarkupElement {
  const root: MarkupElement = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    const element: MarkupElement = { name, attributes: { ...attributes }, children: [], text: "" };
    open[open.length - 1].children.push(element);
    open.push(element);
  });
  parser.on("closetag", () => {
    open.pop();
  });
  parser.on("text", (text) => {
    for (const element of open) element.text += text;
  });
  parser.write(document).close();
  return root.children[0];
}

/** All elements of a name (any name: `"*"`), in the order of the document, the root included. */
export function elementsOf(root: MarkupElement, name: string): MarkupElement[] {
  const inside = root.children.flatMap((child) => elementsOf(child, name));
  return name === "*" || root.name === name ? [root, ...inside] : inside;
}

/** Whether an element has a class. */
export function hasClass(element: MarkupElement, name: string): boolean {
  return (element.attributes.class ?? "").split(" ").includes(name);
}

/** A numeric attribute; NaN where it is absent. */
export function numberOf(element: MarkupElement, attribute: string): number {
  return Number.parseFloat(element.attributes[attribute] ?? "");
}
