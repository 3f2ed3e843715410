/** The peers: the only place that names them. */
import { onnxRuntime } from "./onnx-runtime.ts";
import type { Peer } from "./peer.ts";
import { tensorflowWasm } from "./tensorflow-wasm.ts";

export type { Peer, PeerKernel, PeerOptions } from "./peer.ts";

/** Every peer there is; `open()` tells whether it is installed. */
export const peers: readonly Peer[] = [onnxRuntime, tensorflowWasm];
