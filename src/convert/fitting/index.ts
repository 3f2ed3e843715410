/** Fitting ternary planes to the weights, or to the outputs, of a layer. */
export { allocatePlanes, type LayerChoices } from "./allocate-planes.ts";
export { type FitPlanesOptions, type FittedPlanes, fitPlanes, type OutputErrorSums } from "./fit-planes.ts";
export { outputSums } from "./output-sums.ts";
export { SecondMoments } from "./second-moments.ts";
