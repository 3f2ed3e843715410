/** Texts of files on a terminal: a name may hold what moves the cursor, changes colours or turns the line around. */

/** Control and format characters, other ends of lines, and halves of characters. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with every character that cannot be seen as an escape: `\n`, `\u{1b}`. */
export function visibleText(text: string): string {
  return text.replace(INVISIBLE, (character) => {
    if (character === "\n") return "\\n";
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
