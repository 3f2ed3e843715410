/**
 * What the WebAssembly module exports to src/backends/wasm. Addresses and sizes are checked there.
 *
 * One thread, the caller's, plans runs and publishes their phases, one phase at a time; it and any number of helpers take
 * items of the published phase until none is left. A helper that comes late, or not at all, is not waited for: only items
 * that were taken are.
 */
#include "../run.h"

#define EXPORT(name) __attribute__((export_name(#name)))

namespace bitlinear::wasm {

/** A `LayerDescription` in 32-bit words. */
struct LayerWords {
  uint32_t kernel;
  ActivationRule activation;
  OutputFunction output_function;
  int32_t out_features, in_features;
  int32_t planes;
  int32_t has_bias;
  Convolution convolution;
};

namespace {

LayerDescription description_of(const LayerWords& words) {
  return {kernels[words.kernel], words.activation, words.output_function, words.out_features, words.in_features,
          words.planes,          words.has_bias != 0, words.convolution};
}

/** The phase that is published. It changes only while none of its items is left and all that were taken are done. */
struct Job {
  const Run* run;
  int32_t phase;
};

Job job;
/** Items that nobody has taken. Whoever lowers it by one, owns the item, and so holds the job until the item is done. */
int32_t items_left;
int32_t items_done;
/** Counts what was published; helpers sleep on it. */
int32_t published;

int32_t load(const int32_t& value) { return __atomic_load_n(&value, __ATOMIC_SEQ_CST); }
void store(int32_t& value, int32_t next) { __atomic_store_n(&value, next, __ATOMIC_SEQ_CST); }
void add_one(int32_t& value) { __atomic_fetch_add(&value, 1, __ATOMIC_SEQ_CST); }

} // namespace

/** Names of the kernels, best first, then null. */
EXPORT(kernel_id) const char* kernel_id(int32_t index) { return kernels[index] ? kernels[index]->id : nullptr; }

EXPORT(layer_byte_length) size_t layer_byte_length_of(const LayerWords& words) {
  return layer_byte_length(description_of(words));
}

EXPORT(start_layer) void start_layer_at(void* memory, const LayerWords& words) {
  start_layer(memory, description_of(words));
}

EXPORT(panel_outputs) int32_t panel_outputs_of(const Layer& layer) { return panel_outputs(kernel_of(layer).layout); }

/** `planes` hold the trits of this panel alone. */
EXPORT(prepare_panel) void prepare_panel_at(Layer& layer, int32_t index, const Plane* planes, const float* bias) {
  prepare_panel(layer, index, planes, index * panel_outputs_of(layer), bias);
}

/** `trits` has room for the rows of this panel. */
EXPORT(read_panel) void read_panel_at(const Layer& layer, int32_t index, int32_t plane, int8_t* trits) {
  read_panel(layer, index, plane, trits);
}

EXPORT(run_byte_length) size_t run_byte_length() { return sizeof(Run); }

/** Returns the bytes of workspace that the run needs. */
EXPORT(plan_run) size_t plan_run_at(Run& run, const Layer& layer, int32_t count, int32_t height, int32_t width,
                                    int32_t threads) {
  run = plan_run(layer, {count, height, width}, threads);
  return run.workspace_byte_length;
}

/** Returns the number of phases. */
EXPORT(start_run) int32_t start_run_at(Run& run, const float* x, float* y, uint8_t* workspace) {
  run.x = x;
  run.y = y;
  run.workspace = workspace;
  start_run(run);
  return run.phases;
}

/** Lets helpers take items of a phase; all items of the last one are done. */
EXPORT(publish) void publish(const Run& run, int32_t phase) {
  job = {&run, phase};
  store(items_done, 0);
  store(items_left, run.items[phase]);
  add_one(published);
#ifdef __wasm_atomics__
  __builtin_wasm_memory_atomic_notify(&published, ~0u);
#endif
}

/** Takes one item of what is published and does it; false when none is left. */
EXPORT(take_item) bool take_item(int32_t thread) {
  int32_t left = load(items_left);
  do {
    if (left == 0) return false;
  } while (!__atomic_compare_exchange_n(&items_left, &left, left - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  const Job mine = job;
  const int32_t item = mine.run->items[mine.phase] - left;
  run_items(*mine.run, mine.phase, item, item + 1, thread);
  add_one(items_done);
  return true;
}

/** Whether all items of the published phase are done. */
EXPORT(is_done) bool is_done() { return load(items_done) == job.run->items[job.phase]; }

/** A whole run without helpers; leaves what is published alone. */
EXPORT(run_alone) void run_phases_alone(const Run& run) {
  for (int32_t phase = 0; phase < run.phases; phase++) run_items(run, phase, 0, run.items[phase], 0);
}

/** A whole run with the helpers there are. What they have taken is short, so this thread does not sleep meanwhile. */
EXPORT(run_together) void run_together(const Run& run) {
  for (int32_t phase = 0; phase < run.phases; phase++) {
    publish(run, phase);
    while (take_item(0)) {
    }
    while (!is_done()) {
    }
  }
}

#ifdef __wasm_atomics__

namespace {

/** Whether helpers are to leave. */
int32_t is_leaving;

} // namespace

/** Takes items of whatever is published until helpers are told to leave. */
EXPORT(help) void help(int32_t thread) {
  // Layers follow each other: looking out for the next one costs less than falling asleep and waking up.
  constexpr int32_t LOOKS = 20000;
  while (!load(is_leaving)) {
    const int32_t seen = load(published);
    while (take_item(thread)) {
    }
    for (int32_t i = 0; i < LOOKS && load(published) == seen; i++) {
    }
    __builtin_wasm_memory_atomic_wait32(&published, seen, -1);
  }
}

/** Tells helpers to leave, or lets new ones stay; only while nothing is published that is not done. */
EXPORT(set_leaving) void set_leaving(int32_t value) {
  store(is_leaving, value);
  add_one(published);
  __builtin_wasm_memory_atomic_notify(&published, ~0u);
}

#endif

} // namespace bitlinear::wasm
