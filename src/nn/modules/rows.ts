/** Layers that work on the last axis see every input as rows. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import type { Tensor } from "../../tensor/index.ts";

/** Applies a function of `[M, K]` to the rows of `[..., K]`; its result `[M, N]` comes back as `[..., N]`. */
export function overRows(x: Tensor, layer: (rows: Tensor) => Tensor): Tensor {
  if (x.shape.length === 2) return layer(x);
  const y = layer(x.reshape([-1, x.shape.at(-1) ?? 1]));
  return y.reshape([...x.shape.slice(0, -1), y.shape.at(-1) ?? 1]);
}

/** @throws ShapeError when the last axis of an input does not have the size a layer expects */
export function checkLastAxis(layer: object, x: Tensor, size: number): void {
  if (x.shape.length >= 2 && x.shape.at(-1) === size) return;
  throw new ShapeError(
    `${layer.constructor.name} needs an input of shape [batch, ..., ${size}], got ${formatShape(x.shape)}`,
  );
}
