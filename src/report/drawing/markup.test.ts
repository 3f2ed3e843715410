import fc from "fast-check";
import { SaxesParser } from "saxes";
import { expect, test } from "vitest";
import { escapeText, markup, trustedMarkup } from "./markup.ts";

test("inserted strings are escaped, markup is not", () => {
  const name = `<script>alert("a" & 'b')</script>`;
  const escaped = "&lt;script&gt;alert(&quot;a&quot; &amp; &#39;b&#39;)&lt;/script&gt;";
  expect(markup`<p title="${name}">${name}</p>`.text).toBe(`<p title="${escaped}">${escaped}</p>`);
  expect(markup`<p>${markup`<b>${"&"}</b>`}${trustedMarkup("<hr/>")}</p>`.text).toBe("<p><b>&amp;</b><hr/></p>");
});

test("numbers are rounded to hundredths, lists are joined, absent values are left out", () => {
  expect(markup`${1 / 3} ${-0.001} ${12} ${-2.5}`.text).toBe("0.33 0 12 -2.5");
  expect(markup`${["<", markup`<b/>`, 1]}${undefined}${false}${[]}`.text).toBe("&lt;<b/>1");
});

const codePoint = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)); // surrogates too

test("any string gives well-formed XML that reads as that string, as text and as attribute", () => {
  fc.assert(
    fc.property(fc.string({ unit: codePoint }), (text) => {
      const { character, attribute } = parse(markup`<a b="${text}">${text}</a>`.text);
      expect(character).toBe(readable(text));
      expect(attribute).toBe(readable(text).replace(/[\n\t]/g, " "));
    }),
  );
});

test("characters that XML forbids and lone surrogates become U+FFFD", () => {
  expect(escapeText("a\u0000\u001b\uFFFF\uD83Db😀\t\n")).toBe("a\uFFFD\uFFFD\uFFFD\uFFFDb😀\t\n");
});

/** What a parser gives back: line ends are normalised, forbidden characters replaced. */
function readable(text: string): string {
  const allowed = /[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;
  return Array.from(text, (character) => (allowed.test(character) ? character : "\uFFFD"))
    .join("")
    .replace(/\r\n?/g, "\n");
}

function parse(xml: string): { character: string; attribute: string } {
  const parser = new SaxesParser();
  let character = "";
  let attribute = "";
  parser.on("text", (text) => {
    character += text;
  });
  parser.on("opentag", (tag) => {
    attribute = String(tag.attributes.b);
  });
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(xml).close();
  return { character, attribute };
}
