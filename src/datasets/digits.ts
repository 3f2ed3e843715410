/**
 * A data set of handwritten-looking digits, drawn from pen strokes: every image has a hand of its own (slant, turn,
 * width, pressure, tremble, place on the paper) and a little dirt. It needs no file and no network.
 */
import { deriveSeed, RandomSource } from "../core/random.ts";
import { roundHalfEven } from "../core/rounding.ts";
import { checkSize } from "../core/shape.ts";
import type { Dataset, DatasetSplit } from "./dataset.ts";
import { DIGIT_GLYPHS, type Glyph } from "./digit-strokes.ts";
import { type ControlPoint, drawLine, type Point, type Stroke, tracePath } from "./pen.ts";

/** Pixels along each side of an image. */
export const DIGIT_IMAGE_SIZE = 28;

/** What `syntheticDigits` draws. */
export interface SyntheticDigitsOptions {
  /** Equal seeds give equal images; a larger count continues the images of a smaller one. Default 1. */
  seed?: number;
  /** Number of images to learn from. Default 10,000. */
  train?: number;
  /** Number of images to measure on. Default 2,000. */
  test?: number;
}

/**
 * Draws digits: inputs `[count, 28, 28, 1]` in [0, 1] (0 paper, 1 ink, in steps of 1/255), targets 0 to 9, each
 * digit once in every ten samples.
 *
 * @throws ShapeError when a count is not a whole number of at least 1
 */
export function syntheticDigits(options: SyntheticDigitsOptions = {}): DatasetSplit {
  const { seed = 1, train = 10_000, test = 2_000 } = options;
  checkSize("the number of training digits", train);
  checkSize("the number of test digits", test);
  return {
    train: drawDigits("synthetic digits, training", train, new RandomSource(deriveSeed(seed, "digits/train"))),
    test: drawDigits("synthetic digits, test", test, new RandomSource(deriveSeed(seed, "digits/test"))),
  };
}

function drawDigits(name: string, count: number, random: RandomSource): Dataset {
  const pixels = DIGIT_IMAGE_SIZE * DIGIT_IMAGE_SIZE;
  const inputs = new Float32Array(count * pixels);
  const targets = new Int32Array(count);
  const digits = Int32Array.from(DIGIT_GLYPHS, (_, digit) => digit);
  for (let i = 0; i < count; i++) {
    if (i % digits.length === 0) random.shuffle(digits);
    const digit = digits[i % digits.length];
    const glyphs = DIGIT_GLYPHS[digit];
    const image = inputs.subarray(i * pixels, (i + 1) * pixels);
    writeGlyph(image, glyphs[random.integer(glyphs.length)], random);
    addDirt(image, random);
    targets[i] = digit;
  }
  const classes = DIGIT_GLYPHS.map((_, digit) => String(digit));
  return { name, inputs, inputShape: [DIGIT_IMAGE_SIZE, DIGIT_IMAGE_SIZE, 1], targets, targetShape: [], classes };
}

function writeGlyph(image: Float32Array, glyph: Glyph, random: RandomSource): void {
  const paths = glyph.map((stroke) => tracePath(tremble(stroke, random)));
  moveToPaper(paths, random);
  const halfWidth = random.uniform(0.75, 1.6);
  for (const path of paths) {
    const pressure = random.uniform(-0.3, 0.3); // of the middle of the stroke against its ends
    const widthAt = (i: number) => halfWidth * (1 + pressure * Math.sin((Math.PI * i) / (path.length - 1)));
    for (let i = 0; i + 1 < path.length; i++) {
      drawLine(image, DIGIT_IMAGE_SIZE, path[i], path[i + 1], widthAt(i), widthAt(i + 1));
    }
  }
}

/** The stroke with every control point a little off. */
function tremble(stroke: Stroke, random: RandomSource): Stroke {
  return stroke.map(([x, y, turn]): ControlPoint => [x + random.normal(0, 0.03), y + random.normal(0, 0.03), turn]);
}

/** Bends, slants, turns and scales the paths of a glyph as one hand would, and centres them on the image with a shift; in place. */
function moveToPaper(paths: readonly Point[][], random: RandomSource): void {
  const points = paths.flat();
  const bendX = random.normal(0, 0.04);
  const bendY = random.normal(0, 0.03);
  const phaseX = random.uniform(0, 2 * Math.PI);
  const phaseY = random.uniform(0, 2 * Math.PI);
  const slant = random.normal(0.12, 0.22);
  const angle = random.normal(0, 0.14);
  const height = random.uniform(15, 21);
  const width = height * random.uniform(0.6, 1.1);
  for (const point of points) {
    const x = point.x - 0.5 + bendX * Math.sin(5 * point.y + phaseX);
    const y = point.y - 0.5 + bendY * Math.sin(5 * point.x + phaseY);
    const slantedX = width * x - height * slant * y;
    point.x = slantedX * Math.cos(angle) - height * y * Math.sin(angle);
    point.y = slantedX * Math.sin(angle) + height * y * Math.cos(angle);
  }
  const middle = (DIGIT_IMAGE_SIZE - 1) / 2;
  const moveX = middle + random.normal(0, 1.2) - middleOf(points, (point) => point.x);
  const moveY = middle + random.normal(0, 1.2) - middleOf(points, (point) => point.y);
  for (const point of points) {
    point.x += moveX;
    point.y += moveY;
  }
}

function middleOf(points: readonly Point[], coordinate: (point: Point) => number): number {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    least = Math.min(least, coordinate(point));
    most = Math.max(most, coordinate(point));
  }
  return (least + most) / 2;
}

/** Fades the ink, adds noise and rounds to 256 grey levels, so that images are alike on engines whose `Math.sin` differs by an ulp. */
function addDirt(image: Float32Array, random: RandomSource): void {
  const ink = random.uniform(0.75, 1);
  const noise = random.uniform(0, 0.15);
  for (let i = 0; i < image.length; i++) {
    const value = ink * image[i] + random.uniform(-noise, noise);
    image[i] = roundHalfEven(255 * Math.min(1, Math.max(0, value))) / 255;
  }
}
