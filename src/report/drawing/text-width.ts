/** Widths of texts without a font: an estimate on the wide side of the common interface fonts. */

/** Font size of every text of a plot but its title, in pixels. */
export const FONT_SIZE = 12;

const NARROW = new Set([..."fijlrtI.,:;'|!()[]{}/ "]);
const WIDE = new Set([..."mwMW%@—"]);
const SIGNS = new Set([..."&<>+=−×#~^→"]);

/** Estimated width of a text in pixels. */
export function textWidth(text: string, fontSize: number = FONT_SIZE): number {
  let ems = 0;
  for (const character of text) ems += characterWidth(character);
  return ems * fontSize;
}

/** The text, cut with an ellipsis where it is wider than `width` pixels. */
export function fitText(text: string, width: number, fontSize: number = FONT_SIZE): string {
  if (textWidth(text, fontSize) <= width) return text;
  let fitted = "";
  for (const character of text) {
    if (textWidth(`${fitted}${character}…`, fontSize) > width) break;
    fitted += character;
  }
  return `${fitted}…`;
}

function characterWidth(character: string): number {
  if (NARROW.has(character)) return 0.36;
  if (WIDE.has(character)) return 0.98;
  if (SIGNS.has(character)) return 0.84;
  const codePoint = character.codePointAt(0) ?? 0;
  if (codePoint >= 0x2e80) return 1.05; // East Asian scripts and emoji
  return /\p{Uppercase}/u.test(character) ? 0.72 : 0.63;
}
