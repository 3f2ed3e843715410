import { expect, test } from "vitest";
import { liveBuffers } from "../../test/support/engine-buffers.ts";
import { UnsupportedError } from "../core/errors.ts";
import {
  compile,
  concatenate,
  differentiate,
  lift,
  Parameter,
  randomKey,
  type Tensor,
  tensor,
  tidy,
  withParameters,
} from "./index.ts";

const float = Math.fround;

/** Runs a function compiled, reads its outputs and frees everything. */
function runCompiled(body: (inputs: Tensor[]) => readonly Tensor[], inputs: readonly Tensor[]): Float32Array[] {
  using run = compile(body);
  const outputs = run(inputs);
  const values = outputs.map((output) => output.dataSync());
  for (const used of [...inputs, ...outputs]) used.dispose();
  return values;
}

test("a compiled function is traced once for each combination of shapes", () => {
  let traces = 0;
  using run = compile(([a, b]) => {
    traces++;
    return [a.add(b)];
  });
  const sum = (a: number[], b: number[]): number[] => [...run([tensor(a), tensor(b)])[0].dataSync()];
  expect(sum([1, 2, 3], [4, 5, 6])).toEqual([5, 7, 9]);
  expect(sum([1, 2, 3], [1, 1, 1])).toEqual([2, 3, 4]); // equal values are no other shape
  expect(traces).toBe(1);
  expect(sum([1, 2], [3, 4])).toEqual([4, 6]);
  expect(traces).toBe(2);
});

test("numbers are rounded one by one, as written, also when compiled", () => {
  const values = Float32Array.from({ length: 512 }, (_, i) => float(0.001 * (i + 1) * Math.PI));
  const inverse = float(1 / 127);
  const [product, sum, power] = runCompiled(
    ([x]) => [x.mul(127).mul(inverse), x.add(12582912).sub(12582912), x.mul(0.1).mul(10)],
    [tensor(values)],
  );
  expect(product).toEqual(values.map((x) => float(float(x * 127) * inverse)));
  expect(sum).toEqual(values.map((x) => float(float(x + 12582912) - 12582912)));
  expect(power).toEqual(values.map((x) => float(float(x * float(0.1)) * 10)));
});

test("differentiate gives the value, the extras and the gradient of every variable", () => {
  const [value, extra, byX, byY] = runCompiled(
    ([x, y]) => {
      const { value, extra, gradients } = differentiate(
        ([a, b]) => ({ value: a.mul(a).mul(b).sum(), extra: [a.add(b), b] }),
        [x, y],
      );
      return [value, extra[0], ...gradients];
    },
    [tensor([1, 2, 3]), tensor([4, 5, 6])],
  );
  expect([...value]).toEqual([4 + 20 + 54]);
  expect([...extra]).toEqual([5, 7, 9]);
  expect([...byX]).toEqual([8, 20, 36]); // 2ab
  expect([...byY]).toEqual([1, 4, 9]); // a²
});

test("stopGradient holds gradients back, of variables and of what was made from them", () => {
  const [first, second] = runCompiled(
    ([x]) => {
      const { gradients } = differentiate(([a]) => ({ value: a.stopGradient().mul(a).sum(), extra: [] }), [x]);
      const other = differentiate(([a]) => ({ value: a.mul(2).stopGradient().mul(a).sum(), extra: [] }), [x]);
      return [...gradients, ...other.gradients];
    },
    [tensor([3, 5])],
  );
  expect([...first]).toEqual([3, 5]);
  expect([...second]).toEqual([6, 10]);
});

test("stopGradient inside a nested differentiate holds back the outer gradient too", () => {
  // inner(b) = Σ sg(b) · b, whose gradient by b is sg(b); with b = 2a the outer gradient of Σ sg(b) · a is sg(b) = 2a.
  const [gradient] = runCompiled(
    ([x]) =>
      differentiate(
        ([a]) => {
          const inner = differentiate(([b]) => ({ value: b.stopGradient().mul(b).sum(), extra: [] }), [a.mul(2)]);
          return { value: inner.gradients[0].mul(a).sum(), extra: [] };
        },
        [x],
      ).gradients,
    [tensor([3, 5])],
  );
  expect([...gradient]).toEqual([6, 10]);
});

test("parameters stand for their bindings, and buffers give their next values", () => {
  const weight = new Parameter([2], Float32Array.of(9, 9));
  const mean = new Parameter([1], Float32Array.of(9), false);
  const [result, next] = runCompiled(
    ([w, m, x]) => {
      const { result, updates } = withParameters([weight, mean], [w, m], undefined, () => {
        mean.assign(lift(mean).add(x.mean()));
        return x.mul(weight);
      });
      return [result, updates.get(mean) as Tensor];
    },
    [tensor([2, 3]), tensor([10]), tensor([4, 6])],
  );
  expect([...result]).toEqual([8, 18]);
  expect([...next]).toEqual([15]);
  expect(mean.value).toEqual(Float32Array.of(9));
});

test("a parameter outside of every binding is an error in compiled code and a value elsewhere", () => {
  const known = new Parameter([1], Float32Array.of(2));
  const unknown = new Parameter([1], Float32Array.of(3));
  const body = (x: Tensor): Tensor => x.mul(unknown);
  expect(body(tensor([5])).dataSync()).toEqual(Float32Array.of(15));
  using unbound = compile(([x]) => [body(x)]);
  expect(() => unbound([tensor([5])])).toThrow(UnsupportedError);
  using other = compile(([x, w]) => [withParameters([known], [w], undefined, () => body(x)).result]);
  expect(() => other([tensor([5]), tensor([2])])).toThrow(/belongs to none of its modules/);
});

test("random numbers differ between draws, steps and seeds, and repeat for the same ones", () => {
  const draw = (seed: number, step: number): Float32Array[] =>
    runCompiled(
      ([key]) => {
        const like = tensor(new Float32Array(64));
        const { result } = withParameters([], [], key, () =>
          concatenate([like.randomUniform(), like.randomUniform()], 0),
        );
        return [result.slice(0, 0, 64), result.slice(0, 64, 128)];
      },
      [randomKey(seed, step)],
    );
  const drawn = [draw(1, 1), draw(1, 2), draw(2, 1), draw(2, 2)].flat();
  for (const values of drawn) for (const value of values) expect(value >= 0 && value < 1).toBe(true);
  expect(new Set(drawn.map((values) => values.join())).size).toBe(8);
  expect(draw(1, 1)).toEqual(drawn.slice(0, 2));
});

test("random numbers without a seed are an error", () => {
  expect(() => tensor([1, 2]).randomUniform()).toThrow(/seeded run/);
});

test("everything is freed: after runs, after errors in a trace, and with the function its constants", () => {
  const x = tensor(Float32Array.from({ length: 200 }, (_, i) => i));
  const before = liveBuffers();
  const run = compile(([a]) => [a.add(a.constant(Float32Array.from({ length: 200 }, (_, i) => i)))]);
  const [first] = run([x]);
  first.dataSync();
  first.dispose();
  const warm = liveBuffers();
  expect(warm).toBe(before + 1); // the constant
  for (let i = 0; i < 3; i++) {
    const [output] = run([x]);
    output.dataSync();
    output.dispose();
  }
  expect(liveBuffers()).toBe(warm);
  run[Symbol.dispose]();
  expect(liveBuffers()).toBe(before);

  using failing = compile(([a]) => {
    a.add(1).mul(2);
    throw new RangeError("on purpose");
  });
  expect(() => failing([x])).toThrow("on purpose");
  expect(x.array.refCount).toBe(1);
  expect(() =>
    tidy(() => {
      x.mul(x);
      throw new RangeError("on purpose");
    }),
  ).toThrow("on purpose");
  expect(liveBuffers()).toBe(before);
  const kept = tidy(() => x.mul(x).add(x));
  expect(kept.dataSync()[3]).toBe(12);
  expect(liveBuffers()).toBe(before + 1);
  kept.dispose();
  x.dispose();
  expect(liveBuffers()).toBe(before - 1);
});
