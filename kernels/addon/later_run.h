/**
 * Runs in the background: long ones, which would keep the event loop waiting.
 *
 * Turning x into codes takes a small part of the time and is done at once, with the pool's help; after it nobody reads x, so
 * that it may be changed, detached or collected. The last phase, which multiplies, is left to the pool. A large batch goes in
 * steps, each begun by the event loop.
 */
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "arguments.h"
#include "prepared_layer.h"

namespace bitlinear {

class LaterRuns;

/** One run; lives from the call until its promise is settled. */
class LaterRun : public Task {
public:
  LaterRun(LaterRuns& owner, std::shared_ptr<const PreparedLayer> layer, const Batch& batch);

  void run_items(int32_t begin, int32_t end, int32_t thread) override;
  void finished() override;

private:
  friend class LaterRuns;

  LaterRuns& owner_;
  const std::shared_ptr<const PreparedLayer> layer_;
  const Batch batch_;
  Napi::Promise::Deferred deferred_;
  Napi::Reference<Napi::Value> x_;
  Napi::Reference<Napi::Value> y_;
  size_t x_length_ = 0, y_length_ = 0;
  float* y_data_ = nullptr;
  /** Tokens or images of a step, and those that have begun. */
  int32_t step_ = 0, begun_ = 0;
  Run run_ = {};
  Workspace workspace_;
  /** Where the only phase reads x and multiplies, too. */
  Memory x_copy_;
};

/** The runs of one Node environment. */
class LaterRuns {
public:
  LaterRuns(Napi::Env env, Workspaces& workspaces);
  LaterRuns(const LaterRuns&) = delete;
  LaterRuns& operator=(const LaterRuns&) = delete;

  /**
   * A promise of the outputs; an empty value with a pending exception when it cannot begin.
   *
   * @param y where they go, in memory that stays while the array is held; a new array where it is null
   */
  Napi::Value begin(std::shared_ptr<const PreparedLayer> layer, const Batch& batch, const BatchSizes& sizes, Napi::Value x,
                    Napi::Value y);

private:
  friend class LaterRun;

  /** Ends all runs before the environment goes, and their arrays with it. */
  static void end_all(void* later_runs);
  static void proceed_in_event_loop(napi_env env, napi_value, void* later_runs, void* run);

  /** Does the next step as far as the event loop takes part. Returns what went wrong, or null. */
  const char* begin_step(Napi::Env env, LaterRun& run);
  void leave_to_pool(LaterRun& run);
  /** In a thread of the pool: hands the run back to the event loop. */
  void hand_back(LaterRun& run);
  void proceed(Napi::Env env, LaterRun& run);
  void settle(Napi::Env env, LaterRun& run, const char* wrong);

  Workspaces& workspaces_;
  const napi_env env_;
  Napi::FunctionReference float32_array_;
  napi_threadsafe_function event_loop_ = nullptr;
  std::vector<std::unique_ptr<LaterRun>> runs_;

  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t quiet_ = PTHREAD_COND_INITIALIZER;
  /** Runs that a thread of the pool may touch. */
  int32_t busy_ = 0;
};

} // namespace bitlinear
