/** Whatever is typed wrong or read damaged gives a line or two with the next step, and an exit code that says whose fault it is. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commands } from "../../src/cli/commands/index.ts";
import { tensorEntry, writeNpy, writeSafetensors } from "../../src/files/index.ts";
import { BitLinear, Sequential } from "../../src/nn/index.ts";
import { saveModel } from "../../src/runtime/model-file.ts";
import { runCli } from "../support/run-cli.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-wrong-"));
  const file = (name: string) => join(folder, name);
  using model = await new Sequential(new BitLinear(4, 3)).deploy();
  await saveModel(model, file("model.safetensors"));
  const bytes = await readFile(file("model.safetensors"));
  await writeFile(file("truncated.safetensors"), bytes.subarray(0, bytes.length - 5));
  await writeFile(
    file("noise.safetensors"),
    Uint8Array.from({ length: 300 }, (_, i) => (i * 37) % 251),
  );
  const weights = (value: number) => writeSafetensors([tensorEntry("w", [2, 4], new Float32Array(8).fill(value))]);
  await writeFile(file("float.safetensors"), weights(0.5));
  await writeFile(file("nan.safetensors"), weights(Number.NaN));
  await writeFile(file("five.npy"), writeNpy(new Float32Array(10), [2, 5]));
  await writeFile(file("four.csv"), "1,2,3,4\n5,6,7,8\n");
  await writeFile(file("five.csv"), "1,2,3,4,5\n");
  await writeFile(file("words.csv"), "1,2,3,4\n5,6,seven,8\n");
  await writeFile(file("four.npy"), writeNpy(new Float32Array(8), [2, 4]));
  await writeFile(file("truncated.npy"), writeNpy(new Float32Array(8), [2, 4]).subarray(0, 150));
  await writeFile(file("header.csv"), "0,5;one\n");
  await writeFile(file("labels.csv"), "0\n3\n");
  await writeFile(file("short.txt"), "too short");
  await symlink(file("model.safetensors"), file("link.safetensors"));
  await mkdir(file("speech"));
  await writeFile(file("speech/0_jackson_0.wav"), "RIFF");
  await writeFile(file("stopped.checkpoint.safetensors"), "of a training that was interrupted");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Wrong calls: exit code 2. */
const usage: [args: string[], message: RegExp][] = [
  [["trian"], /unknown command "trian"; did you mean train\?/],
  [["fly"], /unknown command "fly"; the commands are: demo, train, /],
  [["--verbose"], /unknown option --verbose/],
  ...commands.map(({ id }): [string[], RegExp] => [[id, "--jsno"], /unknown option --jsno; did you mean --json\?/]),
  [["demo", "--quantiser", "twn"], /unknown option --quantiser; did you mean --quantizer\?/],
  [["demo", "--seed", "NaN"], /--seed needs a whole number from 0 to 4294967295, got "NaN"/],
  [["demo", "--epochs", "0"], /--epochs needs a whole number from 1 to 1000, got "0"/],
  [["demo", "--activation", "int4"], /--activation takes one of int8, none, sign, got "int4"; did you mean int8\?/],
  [["demo", "--data", ".", "--download"], /--data and --download both say/],
  [["demo", "extra"], /unexpected argument "extra": the command takes options only/],
  [["train", "--seed", "1.5"], /--seed needs a whole number/],
  [["train", "--seed", "-1"], /--seed needs a whole number/],
  [["train", "--learning-rate", "fast"], /--learning-rate needs a number greater than 0, got "fast"/],
  [["train", "--model", "mpl"], /--model takes one of mlp, cnn, transformer-char, got "mpl"; did you mean mlp\?/],
  [["train", "--out"], /--out needs a value: --out FILE/],
  [["train", "--out", "--report", "r.html"], /--out needs a value: --out FILE/],
  [["train", "--out", ""], /--out needs a file, got nothing/],
  [["train", "--out", "a.safetensors", "--checkpoint", "./a.safetensors"], /must be different files/],
  [["train", "--report", "r.html", "--out", "r.html"], /--out and --report are both r\.html: they must be different/],
  [
    ["train", "--model", "transformer-char", "--data", "short.txt", "--out", "./short.txt"],
    /--out \.\/short\.txt is also --data, which it would destroy: give another file/,
  ],
  [["train", "--resume", "q.ck", "--out", "q.ck"], /--out q\.ck is also --resume, which it would destroy/],
  [["train", "--resume", "link.safetensors"], /--out model\.safetensors is also --resume/],
  [
    ["train", "--dataset", "spoken-digits", "--data", "speech", "--report", "speech/0_jackson_0.wav"],
    /--report speech\/0_jackson_0\.wav is a file of --data speech/,
  ],
  [["train", "--out", "stopped.safetensors"], /did not finish: go on from it with --resume stopped\.ch.*or delete it/],
  [["run", "model.safetensors", "four.npy", "--output", "link.safetensors"], /--output link.* is also MODEL/],
  [["run", "model.safetensors", "four.npy", "--output", "four.npy"], /--output four\.npy is also INPUT/],
  [
    ["run", "model.safetensors", "four.npy", "--labels", "labels.csv", "--output", "labels.csv"],
    /--output labels\.csv is also --labels/,
  ],
  [
    ["train", "--model", "transformer-char", "--dataset", "digits"],
    /cannot learn from --dataset digits: name one of text/,
  ],
  [
    ["train", "--model", "cnn", "--dataset", "text", "--data", "short.txt"],
    /cannot learn from --dataset text: name one of digits, mnist, spoken-digits/,
  ],
  [["train", "--train-samples", "99999999"], /--train-samples needs a whole number from 1 to 1000000, got "99999999"/],
  [["demo", "--test-samples", "1000001"], /--test-samples needs a whole number from 1 to 1000000, got "1000001"/],
  [["inspect", ""], /MODEL \(a saved model, \.safetensors, or .*\) needs a path, got nothing/],
  [["run", "model.safetensors", ""], /INPUT .* needs a path, got nothing/],
  [["help", "trian"], /unknown command "trian"/],
  [["demo", "--report", "r.html", "--no-report"], /--report and --no-report contradict each other/],
  [["train", "--float", "--quantizer", "twn"], /leave --quantizer and --activation out/],
  [["train", "--dataset", "digits", "--data", "."], /--dataset digits reads no files/],
  [["train", "--model", "transformer-char"], /no data directory: pass one \(--data DIR/],
  [["train", "--json=yes"], /--json takes no value, got "yes"/],
  [["run"], /missing MODEL .* and INPUT/],
  [["run", "model.safetensors"], /missing INPUT/],
  [
    ["run", "model.safetensors", "four.csv", "five.csv"],
    /unexpected argument "five.csv": the command takes MODEL INPUT/,
  ],
  [["run", "model.safetensors", "four.csv", "--divide-by", "0"], /--divide-by needs a number greater than 0/],
  [["run", "model.safetensors", "four.csv", "--backend", "gpu"], /--backend takes one of/],
  [["inspect"], /missing MODEL/],
  [["convert"], /missing SOURCE/],
  [["convert", "float.safetensors"], /where to\? give --out FILE, or --dry-run/],
  [["convert", "float.safetensors", "--out", "float.safetensors"], /--out float.* is also SOURCE/],
  [["convert", "float.safetensors", "--out", "o.bin"], /ends in \*\.safetensors or \*\.gguf, got o\.bin/],
  [
    ["convert", "float.safetensors", "--out", "o.gguf", "--to", "checkpoint"],
    /a checkpoint file is named \*\.safetensors/,
  ],
  [["convert", "float.safetensors", "--dry-run", "--planes", "5"], /--planes needs a whole number from 1 to 4/],
  [["convert", "float.safetensors", "--dry-run", "--budget", "much"], /--budget needs a size such as 800kB/],
  [["convert", "float.safetensors", "--dry-run", "--budget", "1MB", "--bits", "2"], /give one/],
  [["convert", "float.safetensors", "--dry-run", "--budget", "9B"], /a budget of 9 B is too small/],
  [["convert", "float.safetensors", "--dry-run", "--float", "--planes", "2"], /--float makes nothing ternary/],
  [["convert", "float.safetensors", "--dry-run", "--quantizer", "lsq"], /--quantizer takes one of/],
  [["convert", "float.safetensors", "--dry-run", "--rule", "w"], /--rule needs PATTERN=QUANTIZER:PLANES/],
  [["convert", "float.safetensors", "--dry-run", "--rule", "w=best"], /--rule takes a quantizer of/],
  [["convert", "float.safetensors", "--dry-run", "--skip", "nowhere.*"], /no tensor of float.* is named "nowhere\.\*"/],
  [["convert", "float.safetensors", "--dry-run", "--calibration", "four.npy", "--include", "x"], /is named "x"/],
  [
    ["convert", "float.safetensors", "--dry-run", "--calibration", "five.npy"],
    /no layer .* takes 5 inputs: give an \.npz/,
  ],
  [["convert", "float.safetensors", "--dry-run", "--format", "int4"], /--format takes one of/],
  [["diff", "model.safetensors"], /missing B/],
  [["diff", "model.safetensors", "model.safetensors", "--tolerance", "-1"], /--tolerance needs a number of at least 0/],
];

/** Right calls that cannot be carried out: exit code 1. */
const failure: [args: string[], message: RegExp][] = [
  [["demo", "--data", "absent"], /absent: the data directory cannot be read/],
  [["demo", "--data", "."], /MNIST is incomplete here, missing: train-images-idx3-ubyte\(\.gz\)/],
  [["demo", "--report", "absent/report.html"], /there is no folder absent; create it first/],
  [["demo", "--download", "--cache", "four.csv/cache"], /the cache cannot be made/],
  [["train", "--data", "absent"], /absent: the data directory cannot be read/],
  [["train", "--out", "absent/model.safetensors"], /there is no folder absent; create it first/],
  [["train", "--out", "."], /this is a folder; give a file/],
  [["train", "--model", "transformer-char", "--data", "absent.txt"], /there is no such file: check the path/],
  [["train", "--model", "transformer-char", "--data", "short.txt"], /holds 8 characters, but one sample takes 65/],
  [["train", "--resume", "absent.safetensors"], /absent\.safetensors: .*there is no such file: check the path/],
  [["train", "--resume", "model.safetensors", "--out", "new.safetensors"], /this is no checkpoint/],
  [["run", "absent.safetensors", "four.csv"], /absent\.safetensors: .*there is no such file: check the path/],
  [["run", "truncated.safetensors", "four.csv"], /truncated\.safetensors.*truncated or damaged/],
  [["run", "noise.safetensors", "four.csv"], /noise\.safetensors, byte 0: .*not a safetensors file/],
  [["run", "four.npy", "four.csv"], /four\.npy.*not a safetensors file/],
  [["run", "model.safetensors", "absent.csv"], /absent\.csv: .*there is no such file: check the path/],
  [["run", "model.safetensors", "five.csv"], /shape \[4\] \(4 values\), the file holds 1 of shape \[5\] .*--labels/],
  [["run", "model.safetensors", "words.csv"], /line 2, column 3: expected a finite number/],
  [["run", "model.safetensors", "header.csv"], /got only the line "0,5;one", which was taken for a header/],
  [["run", "model.safetensors", "truncated.npy"], /truncated\.npy.*truncated or damaged/],
  [["run", "model.safetensors", "model.safetensors"], /expected an \.npy, idx or CSV file/],
  [["run", "model.safetensors", "four.csv", "--labels", "five.csv"], /expected 2 class indices, one for each sample/],
  [["run", "model.safetensors", "four.csv", "--labels", "labels.csv"], /class indices of 0 to 2, got 3 at position 1/],
  [["run", "model.safetensors", "four.csv", "--output", "absent/o.npy"], /there is no folder absent; create it first/],
  [["inspect", "absent.safetensors"], /absent\.safetensors: .*there is no such file: check the path/],
  [["inspect", "truncated.safetensors"], /truncated\.safetensors.*truncated or damaged/],
  [["inspect", "four.csv"], /four\.csv: this is no file of tensors that can be read here; known are/],
  [["convert", "absent.safetensors", "--dry-run"], /absent\.safetensors: .*there is no such file/],
  [["convert", "truncated.safetensors", "--dry-run"], /truncated\.safetensors.*truncated or damaged/],
  [["convert", "noise.safetensors", "--dry-run"], /noise\.safetensors.*not a safetensors file/],
  [["convert", "four.csv", "--dry-run"], /four\.csv: this is no file of tensors/],
  [["convert", "nan.safetensors", "--out", "o.safetensors"], /nan\.safetensors, tensor "w": .*finite/],
  [["convert", "float.safetensors", "--dry-run", "--planes", "2", "--to", "gguf"], /holds one plane .*got 2/],
  [
    ["convert", "float.safetensors", "--dry-run", "--calibration", "truncated.npy"],
    /truncated\.npy.*truncated or damaged/,
  ],
  [["diff", "model.safetensors", "absent.safetensors"], /absent\.safetensors: .*there is no such file/],
  [["diff", "float.safetensors", "float.safetensors", "--input", "four.npy"], /these are weights without a model/],
];

const name = ([args, message]: [string[], RegExp], code: number) => ({ call: args.join(" "), args, message, code });
const cases = [...usage.map((each) => name(each, 2)), ...failure.map((each) => name(each, 1))];

test.concurrent.each(cases)("$call: exit code $code", async ({ args, message, code }) => {
  const result = await runCli(args, { cwd: folder });
  // Whether a checkpoint fits shows after the plan was told.
  const isPlanTold = code === 1 && args.includes("--resume");
  expect(result).toMatchObject({ code, stdout: isPlanTold ? expect.stringContaining("recipe") : "" });
  expect(result.stderr).toMatch(message);
  expect(result.stderr).toMatch(/^(?:.*\n)?error: /);
  expect(result.stderr).not.toMatch(/\n {4}at /);
  expect(result.stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
  expect(await readFile(join(folder, "short.txt"), "utf8")).toBe("too short");
});
