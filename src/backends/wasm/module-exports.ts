/** What the modules export (kernels/wasm/wasm.cc). Addresses and sizes come back signed: `>>> 0` makes them what they are. */
export interface ModuleExports extends WebAssembly.Exports {
  readonly __heap_base: WebAssembly.Global<"i32">;
  readonly __stack_pointer: WebAssembly.Global<"i32">;
  kernel_id(index: number): number;
  layer_byte_length(words: number): number;
  start_layer(memory: number, words: number): void;
  panel_outputs(layer: number): number;
  prepare_panel(layer: number, index: number, planes: number, bias: number): void;
  read_panel(layer: number, index: number, plane: number, trits: number): void;
  run_byte_length(): number;
  plan_run(run: number, layer: number, count: number, height: number, width: number, threads: number): number;
  start_run(run: number, x: number, y: number, workspace: number): number;
  publish(run: number, phase: number): void;
  take_item(thread: number): number;
  is_done(): number;
  run_alone(run: number): void;
  run_together(run: number): void;
}

/** What modules for memory that threads share export besides. */
export interface ThreadExports extends ModuleExports {
  help(thread: number): void;
  set_leaving(value: number): void;
}
