/** Training: modules, losses, optimizers, `fit`. */
export { concatenate, lift, Parameter, Tensor, tensor } from "../tensor/index.ts";
export { activationByName, activations, gelu, relu, sigmoid, silu, squaredRelu, tanh } from "./activations.ts";
export { BitLinear, type BitLinearOptions } from "./bit-linear.ts";
export type { DeployOptions } from "./deploy.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { type Activation, type Layer, Module } from "./module.ts";
export { type NormOptions, RMSNorm } from "./rms-norm.ts";
export { Residual, Sequential } from "./sequential.ts";
export type { LoadStateOptions, StateDict, StateEntry } from "./state-dict.ts";
export type { TernaryOptions } from "./ternary-weight.ts";
