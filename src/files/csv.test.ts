import fc from "fast-check";
import { expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { type CsvOptions, type CsvTable, parseCsv } from "./csv.ts";

const read = (text: string, options?: CsvOptions): CsvTable =>
  parseCsv(new TextEncoder().encode(text), "numbers.csv", options);

test("rows of numbers are read row-major", () => {
  expect(read("1,-2.5,+3\n.5,1e3,2E-2\n")).toEqual({
    columns: undefined,
    rowCount: 2,
    columnCount: 3,
    values: Float32Array.of(1, -2.5, 3, 0.5, 1000, 0.02),
  });
});

test.each(["1,2\n3,4", "1;2\r\n3;4\r\n", "1\t2\r3\t4", "\uFEFF 1 ,2.\n\n  \n3, 4\n\n"])(
  "%j is the same table",
  (text) => {
    expect(read(text)).toEqual({
      columns: undefined,
      rowCount: 2,
      columnCount: 2,
      values: Float32Array.of(1, 2, 3, 4),
    });
  },
);

test("any finite float32 values survive as text", () => {
  const value = fc.float({ noNaN: true, noDefaultInfinity: true });
  const rows = fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.constantFrom(",", ";", "\t"), fc.constantFrom("\n", "\r\n", "\r"))
    .chain(([columns, separator, lineEnd]) =>
      fc
        .array(fc.array(value, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 6 })
        .map((numbers) => ({ numbers, text: numbers.map((row) => row.join(separator)).join(lineEnd) })),
    );
  fc.assert(
    fc.property(rows, ({ numbers, text }) => {
      const table = read(text);
      expect([table.rowCount, table.columnCount]).toEqual([numbers.length, numbers[0].length]);
      expect([...table.values]).toEqual(numbers.flat().map((number) => number + 0)); // -0 is written as 0
    }),
  );
});

test("a first row without numbers names the columns", () => {
  expect(read("x; y\n1;2")).toMatchObject({ columns: ["x", "y"], rowCount: 1, values: Float32Array.of(1, 2) });
  expect(read("label,0\n1,2", { hasHeader: true }).columns).toEqual(["label", "0"]);
  expect(() => read("x,y\n1,2", { hasHeader: false })).toThrow(/line 1, column 1: .* got "x"/);
});

test("the separator can be said", () => {
  expect(read("1;2\n3;4", { separator: ";" }).columnCount).toBe(2);
  expect(() => read("1;2", { separator: ",", hasHeader: false })).toThrow(/line 1, column 1: .* got "1;2"/);
});

test.each([
  ["", /at least one row of numbers, got no line/],
  ["\n \n", /at least one row/],
  ["x,y\n", /at least one row of numbers, got only the line "x,y", which was taken for a header/],
  ["1,2\n3,x", /line 2, column 2: .* got "x"/],
  ["1,x\n3,4", /line 1, column 2: .* got "x"/],
  ["1,2\r\n\r\n3,\r\n", /line 3, column 2: .* got ""/],
  ["1,2\n3", /line 2 has 1 columns, the first row has 2/],
  ["1,2\n3,4,5", /line 2 has 3 columns, the first row has 2/],
  ["1;2\n1,5;2", /line 2, column 1: expected a finite number with a decimal point, got "1,5"/],
  ["1\nNaN", /line 2, column 1: .* got "NaN"/],
  ["1\nInfinity", /line 2/],
  ["1\n1e39", /line 2/], // beyond float32
  ["1\n0x10", /line 2/],
  ["1\n1_000", /line 2/],
  ["1\n--1", /line 2/],
  ["1\n1e", /line 2/],
  ["1\n.", /line 2/],
  ['1\n"2"', /line 2, column 1: .* got "\\"2\\""/],
])("%j is refused", (text, message) => {
  expect(() => read(text)).toThrow(FileError);
  expect(() => read(text)).toThrow(message);
  expect(() => read(text)).toThrow(/^numbers\.csv/);
});

test("bytes that are not text are refused", () => {
  expect(() => parseCsv(Uint8Array.of(0x31, 0xff), "numbers.csv")).toThrow(/^numbers\.csv, byte 0: .*UTF-8/);
});

/** Two million characters each: anything quadratic would take hours. */
test.each([
  ["digits without end", `1\n${"1".repeat(2_000_000)}x`],
  ["digits and points", `1\n${"1.".repeat(1_000_000)}`],
  ["columns without end", ",".repeat(2_000_000)],
  ["spaces", `1\n${" ".repeat(2_000_000)}x`],
])("%s are refused at once, in few words", (_, text) => {
  expect(() => read(text)).toThrow(FileError);
  expect(() => read(text)).toThrow(/^.{20,300}$/);
});

test("columns are counted before they are kept", () => {
  expect(() => read(",".repeat(1_000_000))).toThrow(/line 1 has more than 1000000 columns/);
  expect(read(`1${",1".repeat(999_999)}`).columnCount).toBe(1_000_000);
});

test("many lines and empty lines are read", () => {
  const table = read(`${"\n".repeat(1_000_000)}${"1,2\n".repeat(200_000)}`);
  expect([table.rowCount, table.columnCount, table.values.length]).toEqual([200_000, 2, 400_000]);
});
