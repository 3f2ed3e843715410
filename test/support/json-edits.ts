/** JSON texts that differ from a valid one in one place: what a hostile or damaged file may hold. */

const NESTING = 50;

/** JSON texts that rarely belong where they are put; some are no JSON. */
export const hostileTexts: readonly string[] = [
  ...["-1", "0", "-0", "0.5", "1", "3", "1e9", "2147483648", "4294967297", "1e308", "1e-320", "1e999", "-1e999", "NaN"],
  ...["1099511627776", "9007199254740991", "9007199254740993", "null", "true", "", "x", "}", '"'],
  ...['""', '"__proto__"', '"constructor"', '"toString"', '"\\ud800"', '"\\u0000"', '"layer"', '"weight"'],
  ...[
    '"ternary"',
    '"float32"',
    '"base3"',
    '"i2"',
    '"add"',
    '"flatten"',
    '"gelu"',
    '"none"',
    "[]",
    "{}",
    "[1,2]",
    "[0,0]",
  ],
  ...[
    "[1000000000,1000000000]",
    "[1099511627776,1099511627776]",
    '{"__proto__":{"isPolluted":true}}',
    '{"length":1e9}',
  ],
  JSON.stringify("x".repeat(1500)),
  JSON.stringify(new Array(300).fill(1)),
  `${"[".repeat(NESTING)}${"]".repeat(NESTING)}`,
  `${'{"a":'.repeat(NESTING)}1${"}".repeat(NESTING)}`,
];

/** Every text that has one value replaced by a hostile one, or one member removed, doubled, renamed or moved to the end. */
export function* editedTexts(value: unknown): Generator<string> {
  yield* hostileTexts;
  if (Array.isArray(value)) yield* editedLists(value.map((item) => [item, JSON.stringify(item)]));
  else if (typeof value === "object" && value !== null) yield* editedObjects(Object.entries(value));
}

function* editedLists(items: readonly [unknown, string][]): Generator<string> {
  const texts = items.map(([, text]) => text);
  const list = (members: readonly string[]): string => `[${members.join(",")}]`;
  for (const [i, [item, text]] of items.entries()) {
    yield list(texts.toSpliced(i, 1));
    yield list(texts.toSpliced(i, 0, text));
    yield list([...texts.toSpliced(i, 1), text]);
    for (const edited of editedTexts(item)) yield list(texts.with(i, edited));
  }
}

function* editedObjects(members: readonly [string, unknown][]): Generator<string> {
  const texts = members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const object = (parts: readonly string[]): string => `{${parts.join(",")}}`;
  yield object([...texts, '"extra":1']);
  yield object([...texts, '"__proto__":{"isPolluted":true}']);
  for (const [i, [name, value]] of members.entries()) {
    const text = JSON.stringify(value);
    yield object(texts.toSpliced(i, 1));
    yield object(texts.toSpliced(i, 0, texts[i]));
    yield object([...texts.toSpliced(i, 1), texts[i]]);
    for (const other of ["__proto__", "constructor", "", "other"]) {
      yield object(texts.with(i, `${JSON.stringify(other)}:${text}`));
    }
    for (const edited of editedTexts(value)) yield object(texts.with(i, `${JSON.stringify(name)}:${edited}`));
  }
}
