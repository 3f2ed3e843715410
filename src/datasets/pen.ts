/** Draws curves into a grey-level image: Catmull-Rom splines, and anti-aliased lines of a width that may change. */

/** Marks a point at which the curve may turn sharply. */
export const CORNER = 1;

/** A point the pen passes through: x, y and, at a sharp turn, `CORNER`. */
export type ControlPoint = readonly [x: number, y: number, turn?: typeof CORNER | undefined];

/** One movement of the pen from touching the paper to leaving it; at least two points. */
export type Stroke = readonly ControlPoint[];

/** A place on the paper; x to the right, y down. */
export interface Point {
  x: number;
  y: number;
}

/** Line pieces between two control points: enough that an image of 28 pixels shows no angles. */
export const PIECES_PER_INTERVAL = 5;

/**
 * Points along the smooth curve through the control points of a stroke, its ends included.
 *
 * Between two control points it is the cubic with the tangents (next - previous) / 2 (Catmull and Rom, "A class of local
 * interpolating splines", 1974). At an end or a corner the tangent is the one that leaves no curvature there.
 */
export function tracePath(stroke: Stroke): Point[] {
  const path: Point[] = [{ x: stroke[0][0], y: stroke[0][1] }];
  for (let i = 0; i + 1 < stroke.length; i++) {
    for (let piece = 1; piece <= PIECES_PER_INTERVAL; piece++) {
      const t = piece / PIECES_PER_INTERVAL;
      path.push({ x: splineAt(stroke, i, t, 0), y: splineAt(stroke, i, t, 1) });
    }
  }
  return path;
}

/** One coordinate of the curve at `t` in [0, 1] between control points `i` and `i + 1`. */
function splineAt(stroke: Stroke, i: number, t: number, axis: 0 | 1): number {
  const from = stroke[i][axis];
  const to = stroke[i + 1][axis];
  const chord = to - from;
  const startsSharply = isSharp(stroke, i);
  const endsSharply = isSharp(stroke, i + 1);
  let startTangent = startsSharply ? chord : (to - stroke[i - 1][axis]) / 2;
  let endTangent = endsSharply ? chord : (stroke[i + 2][axis] - from) / 2;
  // the cubic's second derivative at its start is 6·chord - 4·startTangent - 2·endTangent: these make it 0
  if (startsSharply && !endsSharply) startTangent = (3 * chord - endTangent) / 2;
  if (endsSharply && !startsSharply) endTangent = (3 * chord - startTangent) / 2;
  const curvature = 3 * chord - 2 * startTangent - endTangent;
  const twist = startTangent + endTangent - 2 * chord;
  return from + t * (startTangent + t * (curvature + t * twist));
}

function isSharp(stroke: readonly ControlPoint[], i: number): boolean {
  return i === 0 || i === stroke.length - 1 || stroke[i][2] === CORNER;
}

/**
 * Draws a line from `a` to `b` into `image` (`[size, size]`, values in [0, 1]), keeping the darker of old and new ink.
 *
 * A pixel whose centre is `d` pixels away takes clip(halfWidth - d + 0.5): the share of it that the line covers, exact
 * for lines along an axis. The half width goes linearly from `startHalfWidth` to `endHalfWidth`.
 */
export function drawLine(
  image: Float32Array,
  size: number,
  a: Point,
  b: Point,
  startHalfWidth: number,
  endHalfWidth: number,
): void {
  const reach = Math.max(startHalfWidth, endHalfWidth) + 0.5;
  const left = Math.max(0, Math.ceil(Math.min(a.x, b.x) - reach));
  const right = Math.min(size - 1, Math.floor(Math.max(a.x, b.x) + reach));
  const top = Math.max(0, Math.ceil(Math.min(a.y, b.y) - reach));
  const bottom = Math.min(size - 1, Math.floor(Math.max(a.y, b.y) + reach));
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const squaredLength = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const px = x - a.x;
      const py = y - a.y;
      const along = squaredLength > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / squaredLength)) : 0;
      const awayX = px - along * dx;
      const awayY = py - along * dy;
      const halfWidth = startHalfWidth + along * (endHalfWidth - startHalfWidth);
      const covered = halfWidth + 0.5 - Math.sqrt(awayX * awayX + awayY * awayY);
      if (covered > image[y * size + x]) image[y * size + x] = Math.min(1, covered);
    }
  }
}
