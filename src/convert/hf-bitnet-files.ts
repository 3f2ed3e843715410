/** What names mean in packed BitNet files of Hugging Face. */

/** Classes of layers: the first multiplies by the scale, the second divides. */
export const LINEAR_CLASSES: readonly string[] = ["autobitlinear", "bitlinear"];

/** What the name of a scale adds to that of its weight. */
export const SCALE_SUFFIX = "_scale";
