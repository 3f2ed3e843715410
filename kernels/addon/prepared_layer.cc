#include "prepared_layer.h"

#include <algorithm>

namespace bitlinear {
namespace {

/** Work that is worth a second thread: handing it over takes about a microsecond while that thread watches. */
constexpr double NANOSECONDS_PER_THREAD = 6'000;

} // namespace

std::shared_ptr<PreparedLayer> start_prepared(const LayerDescription& description, int32_t threads) {
  Memory memory = allocate(layer_byte_length(description));
  if (!memory) return nullptr;
  Layer* layer = start_layer(memory.get(), description);
  return std::make_shared<PreparedLayer>(PreparedLayer{std::move(memory), layer, cost_of(*layer), threads, 0});
}

int32_t threads_for(double nanoseconds, int32_t most) {
  return static_cast<int32_t>(std::clamp(nanoseconds / NANOSECONDS_PER_THREAD, 1.0, static_cast<double>(most)));
}

void run_phases(const Run& run, int32_t count, double encoding, double multiplying) {
  const int32_t last = run.phases - 1;
  if (last == 0) multiplying += encoding; // each thread encodes for itself
  for (int32_t phase = 0; phase < count; phase++) {
    PhaseTask task(run, phase);
    ThreadPool::shared().run(task, phase == last ? multiplying : encoding / last);
  }
}

} // namespace bitlinear
