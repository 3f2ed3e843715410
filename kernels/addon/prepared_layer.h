/** A layer in memory of its own, and its runs on the threads of the pool. */
#pragma once
#include <memory>

#include "../run.h"
#include "memory.h"
#include "speed.h"
#include "thread_pool.h"

namespace bitlinear {

struct PreparedLayer {
  Memory memory;
  Layer* layer;
  Cost cost;
  /** The most that share a run. */
  int32_t threads;
  /** Panels that are filled, from the first one on; it can run when all are. */
  int32_t filled_panels;
};

/** A layer whose panels are to be filled; null when there is no memory for it. */
std::shared_ptr<PreparedLayer> start_prepared(const LayerDescription& description, int32_t threads);

/** Threads that a run of that length on one thread should have, of the `most` that it may have. */
int32_t threads_for(double nanoseconds, int32_t most);

/** A phase of a run, as a task of the pool. */
class PhaseTask : public Task {
public:
  PhaseTask(const Run& run, int32_t phase) : Task(run.items[phase], run.threads), run_(run), phase_(phase) {}
  void run_items(int32_t begin, int32_t end, int32_t thread) override {
    bitlinear::run_items(run_, phase_, begin, end, thread);
  }

private:
  const Run& run_;
  int32_t phase_;
};

/**
 * Runs the first few phases; the calling thread is among those that work.
 *
 * @param encoding nanoseconds that all but the last phase take one thread
 * @param multiplying the same of the last one
 */
void run_phases(const Run& run, int32_t count, double encoding, double multiplying);

} // namespace bitlinear
