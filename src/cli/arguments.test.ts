import { expect, test } from "vitest";
import { UsageError } from "../core/errors.ts";
import { parseArguments } from "./arguments.ts";
import { choiceOption, flagOf, flagOption, numberOption, textOption, wholeNumberOption } from "./options.ts";

const rules = [
  { id: "first", summary: "the first rule" },
  { id: "second", summary: "the second rule" },
];

const spec = {
  options: {
    batchSize: wholeNumberOption({ help: "samples", least: 1, most: 100, fallback: 8 }),
    shift: wholeNumberOption({ help: "may be negative", least: -5 }),
    rate: numberOption({ help: "a rate", least: 0 }),
    rule: choiceOption(rules, "a rule", "first"),
    out: textOption("FILE", "a file"),
    quiet: flagOption("say nothing"),
  },
  positionals: [{ name: "MODEL", help: "a model" }],
};

const parse = (...args: string[]) => parseArguments(args, spec);

test("options that are not given have their fallback", () => {
  expect(parse("m")).toEqual({
    positionals: ["m"],
    values: {
      ...{ batchSize: 8, shift: undefined, rate: undefined, rule: "first", out: undefined, quiet: false },
      ...{ json: false, help: false },
    },
  });
});

test("values follow their option or an equals sign, and the last of several counts", () => {
  const { values } = parse("--batch-size=4", "m", "--shift", "-3", "--rate", "1e-3", "--rule", "second", "--out=-x");
  expect(values).toMatchObject({ batchSize: 4, shift: -3, rate: 0.001, rule: "second", out: "-x" });
  expect(parse("m", "--batch-size", "4", "--batch-size", "5").values.batchSize).toBe(5);
});

test("what follows -- is no option", () => {
  expect(parse("--quiet", "--", "--json")).toMatchObject({
    positionals: ["--json"],
    values: { quiet: true, json: false },
  });
});

test("help asks for nothing else", () => {
  expect(parse("-h").values.help).toBe(true);
});

test.each<[string[], RegExp]>([
  [[], /^missing MODEL \(a model\)$/],
  [["a", "b"], /^unexpected argument "b": the command takes MODEL$/],
  [["m", "--batchsize", "4"], /^unknown option --batchsize; did you mean --batch-size\?$/],
  [["m", "--zzzzzz"], /^unknown option --zzzzzz$/],
  [["m", "-q"], /^unknown option -q$/],
  [["m", "--batch-size", "0"], /^--batch-size needs a whole number from 1 to 100, got "0"$/],
  [["m", "--batch-size", "101"], /got "101"$/],
  [["m", "--batch-size", "4.0"], /got "4\.0"$/],
  [["m", "--batch-size", "0x10"], /got "0x10"$/],
  [["m", "--batch-size", ""], /got ""$/],
  [["m", "--shift", "99999999999999999999"], /^--shift needs a whole number of at least -5, got/],
  [["m", "--rate", "0"], /^--rate needs a number greater than 0, got "0"$/],
  [["m", "--rate", "Infinity"], /got "Infinity"$/],
  [["m", "--rate", " "], /got " "$/],
  [["m", "--rule", "secnod"], /^--rule takes one of first, second, got "secnod"; did you mean second\?$/],
  [["m", "--out"], /^--out needs a value: --out FILE$/],
  [["m", "--out", "--quiet"], /^--out needs a value: --out FILE$/],
  [["m", "--quiet=1"], /^--quiet takes no value, got "1"$/],
])("%j is refused", (args, message) => {
  expect(() => parse(...args)).toThrow(UsageError);
  expect(() => parse(...args)).toThrow(message);
});

test("names in camel case are typed with hyphens", () => {
  expect(["json", "batchSize", "noReport"].map(flagOf)).toEqual(["--json", "--batch-size", "--no-report"]);
});
