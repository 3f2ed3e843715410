/** Small gray pictures with a caption each, such as the digits that a model got wrong. */
import { BELOW_TITLE, drawPlot, LINE_HEIGHT } from "../drawing/frame.ts";
import { markup } from "../drawing/markup.ts";
import { type GrayscaleImage, pngAddress } from "../drawing/png.ts";
import { fitText, textWidth } from "../drawing/text-width.ts";

/** A picture and the line below it. */
export interface CaptionedImage {
  image: GrayscaleImage;
  label: string;
}

/** What an image grid shows. */
export interface ImageGrid {
  title: string;
  images: readonly CaptionedImage[];
  /** Side of the square that holds a picture, in pixels; default 50. */
  side?: number;
  /** In pixels; default 500. The height follows from the number of pictures. */
  width?: number;
}

const GAP = 14;

/**
 * Draws pictures in a grid as an SVG document, as many beside each other as fit with their labels; pixels stay
 * sharp-edged, shapes keep their proportions.
 *
 * @throws ShapeError when a picture's sizes disagree
 */
export function imageGrid({ title, images, side = 50, width = 500 }: ImageGrid): string {
  const needed = images.reduce((most, { label }) => Math.max(most, textWidth(label)), side);
  const columnCount = Math.max(1, Math.floor((width + GAP) / (needed + GAP)));
  const cellWidth = (width + GAP) / columnCount - GAP;
  const cellHeight = side + LINE_HEIGHT + GAP;
  const rowCount = Math.max(1, Math.ceil(images.length / columnCount));
  const top = BELOW_TITLE - 8;

  const pictures = images.map(({ image, label }, index) => {
    const x = (index % columnCount) * (cellWidth + GAP);
    const y = top + Math.floor(index / columnCount) * cellHeight;
    return markup`<image x="${x}" y="${y}" width="${side}" height="${side}" href="${pngAddress(image)}" preserveAspectRatio="xMinYMid" style="image-rendering:pixelated"><title>${label}</title></image><text x="${x}" y="${y + side + LINE_HEIGHT - 2}">${fitText(label, cellWidth)}</text>`;
  });

  return drawPlot({
    title,
    summary: images.length > 0 ? images.map(({ label }) => label).join(", ") : "no pictures",
    width,
    height: top + rowCount * cellHeight - GAP + 4,
    content: markup`${pictures}${images.length === 0 && markup`<text class="muted" x="0" y="${BELOW_TITLE + 4}">no pictures</text>`}`,
  });
}
