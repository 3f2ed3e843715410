import fc from "fast-check";
import { expect, test } from "vitest";
import { CORNER, type ControlPoint, drawLine, PIECES_PER_INTERVAL, type Stroke, tracePath } from "./pen.ts";

const coordinate = fc.double({ min: 0, max: 1, noNaN: true });
const controlPoint: fc.Arbitrary<ControlPoint> = fc.oneof(
  fc.tuple(coordinate, coordinate),
  fc.tuple(coordinate, coordinate, fc.constant<typeof CORNER>(CORNER)),
);

/** A coordinate is a cubic of at most nine float64 roundings, each of a term below 16. */
function expectNear(value: number, expected: number): void {
  expect(Math.abs(value - expected)).toBeLessThanOrEqual(9 * 16 * 2 ** -53);
}

test("a path starts at the first control point and passes through all others", () => {
  fc.assert(
    fc.property(fc.array(controlPoint, { minLength: 2, maxLength: 8 }), (stroke: Stroke) => {
      const path = tracePath(stroke);
      expect(path).toHaveLength((stroke.length - 1) * PIECES_PER_INTERVAL + 1);
      stroke.forEach(([x, y], i) => {
        expectNear(path[i * PIECES_PER_INTERVAL].x, x);
        expectNear(path[i * PIECES_PER_INTERVAL].y, y);
      });
    }),
  );
});

test("between two corners the pen goes straight", () => {
  const path = tracePath([
    [0, 0],
    [0.5, 0.25, CORNER],
    [1, 0, CORNER],
    [1, 1],
  ]);
  for (const { x, y } of path.slice(0, PIECES_PER_INTERVAL + 1)) expectNear(y, x / 2);
  for (const { x } of path.slice(2 * PIECES_PER_INTERVAL)) expect(x).toBe(1);
});

test("without a corner the pen goes round the point, and a free end is not bent", () => {
  const path = tracePath([
    [0, 0],
    [0.5, 0.5],
    [1, 0],
  ]);
  // slope 0 at the top and curvature 0 at the ends: y = 0.75t - 0.25t³ up, and the same mirrored down
  for (const [i, { x, y }] of path.entries()) {
    const t = Math.min(i, 2 * PIECES_PER_INTERVAL - i) / PIECES_PER_INTERVAL;
    expectNear(x, i / (2 * PIECES_PER_INTERVAL));
    expectNear(y, 0.75 * t - 0.25 * t ** 3);
  }
});

test("a line along an axis covers the share of each pixel that lies under it", () => {
  const image = new Float32Array(7 * 7);
  drawLine(image, 7, { x: -3, y: 3.25 }, { x: 10, y: 3.25 }, 1, 1);
  const column = Array.from({ length: 7 }, (_, y) => image[y * 7 + 3]);
  expect(column).toEqual([0, 0, 0.25, 1, 0.75, 0, 0]); // ink from 2.25 to 4.25, pixel y from y - 0.5 to y + 0.5
});

test("the width goes from one end to the other", () => {
  const image = new Float32Array(9 * 9);
  drawLine(image, 9, { x: 0, y: 4 }, { x: 8, y: 4 }, 0.5, 2.5);
  const inkOfColumn = (x: number) => Array.from({ length: 9 }, (_, y) => image[y * 9 + x]).reduce((a, b) => a + b);
  expect(inkOfColumn(0)).toBe(1);
  expect(inkOfColumn(4)).toBe(3);
  expect(inkOfColumn(8)).toBe(5);
});

test("the darker ink stays, and a dot is a line of no length", () => {
  const image = new Float32Array(5 * 5).fill(0.5);
  drawLine(image, 5, { x: 2, y: 2 }, { x: 2, y: 2 }, 0.75, 0.75);
  expect(image[12]).toBe(1);
  expect(image[11]).toBe(0.5);
});

test("a line beyond the paper leaves no ink and does not wrap around", () => {
  const image = new Float32Array(5 * 5);
  drawLine(image, 5, { x: 6, y: -4 }, { x: 9, y: 9 }, 0.5, 0.5);
  drawLine(image, 5, { x: -3, y: 2 }, { x: -2, y: 3 }, 1, 1);
  expect(image).toEqual(new Float32Array(5 * 5));
});
