import { expect, test } from "vitest";
import { Output } from "./output.ts";

function stream(properties: { isTTY?: boolean; columns?: number; colors?: boolean } = {}) {
  const texts: string[] = [];
  const { isTTY = false, columns, colors = false } = properties;
  return {
    texts,
    isTTY,
    ...(columns && { columns }),
    hasColors: () => colors,
    write: (text: string) => texts.push(text),
  };
}

test("a person gets text, a machine lines of JSON, and notes never stand between them", () => {
  const [human, humanNotes, machine, machineNotes] = [stream(), stream(), stream(), stream()];
  for (const output of [new Output(false, human, humanNotes), new Output(true, machine, machineNotes)]) {
    output.heading("part");
    output.print("text");
    output.emit({ value: 1 });
    output.note("note");
  }
  expect(human.texts.join("")).toBe("\npart\ntext\n");
  expect(humanNotes.texts.join("")).toBe("note\n");
  expect(machine.texts.join("")).toBe('{"value":1}\n');
  expect(machineNotes.texts.join("")).toBe("part\nnote\n");
});

test("each stream has colours where it shows them", () => {
  const output = new Output(false, stream({ colors: true }), stream());
  expect(output.paint("red", "x")).toBe("\u001b[31mx\u001b[39m");
  expect(output.paintNote("red", "x")).toBe("x");
});

test("lines are as wide as the terminal, within reason", () => {
  expect(new Output(false, stream()).width).toBe(100);
  expect(new Output(false, stream({ isTTY: true, columns: 72 })).width).toBe(72);
  expect(new Output(false, stream({ isTTY: true, columns: 400 })).width).toBe(120);
});
