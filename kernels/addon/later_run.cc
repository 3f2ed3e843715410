#include "later_run.h"

#include <string.h>

#include <algorithm>

namespace bitlinear {
namespace {

/** Values that a step turns into codes while the event loop waits: about a millisecond. */
constexpr double STEP_VALUES = 4 << 20;

} // namespace

LaterRun::LaterRun(LaterRuns& owner, std::shared_ptr<const PreparedLayer> layer, const Batch& batch)
    : Task(0, 1), owner_(owner), layer_(std::move(layer)), batch_(batch), deferred_(owner.env_) {}

void LaterRun::run_items(int32_t begin, int32_t end, int32_t thread) {
  bitlinear::run_items(run_, run_.phases - 1, begin, end, thread);
}

void LaterRun::finished() { owner_.hand_back(*this); }

LaterRuns::LaterRuns(Napi::Env env, Workspaces& workspaces) : workspaces_(workspaces), env_(env) {
  float32_array_ = Napi::Persistent(env.Global().Get("Float32Array").As<Napi::Function>());
  napi_value name = Napi::String::New(env, "bitlinear");
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, proceed_in_event_loop,
                                  &event_loop_);
  napi_unref_threadsafe_function(env, event_loop_); // a program may end while nothing runs
  // Hooks run in reverse order: this one before the function above is closed.
  napi_add_env_cleanup_hook(env, end_all, this);
}

Napi::Value LaterRuns::begin(std::shared_ptr<const PreparedLayer> layer, const Batch& batch, const BatchSizes& sizes,
                             Napi::Value x, Napi::Value y) {
  const Napi::Env env(env_);
  if (y.IsNull()) y = float32_array_.New({Napi::Number::New(env, static_cast<double>(sizes.y_length))});
  if (env.IsExceptionPending()) return {};
  Array<float> array;
  if (!read_floats(env, y, array) || array.length != sizes.y_length) {
    Napi::Error::New(env, "Float32Array is not what it was").ThrowAsJavaScriptException();
    return {};
  }

  runs_.push_back(std::make_unique<LaterRun>(*this, std::move(layer), batch));
  LaterRun& run = *runs_.back();
  run.x_ = Napi::Persistent(x);
  run.y_ = Napi::Persistent(y);
  run.x_length_ = sizes.x_length;
  run.y_length_ = sizes.y_length;
  run.y_data_ = array.data;
  ask_for_huge_pages(array.data, array.length * sizeof(float));
  const int32_t steps = static_cast<int32_t>(std::min<double>(batch.count, sizes.values / STEP_VALUES)) + 1;
  run.step_ = (batch.count + steps - 1) / steps;
  if (runs_.size() == 1) napi_ref_threadsafe_function(env_, event_loop_);
  const Napi::Promise promise = run.deferred_.Promise();
  proceed(env, run);
  return promise;
}

/** In the event loop: the next step, or the end. */
void LaterRuns::proceed(Napi::Env env, LaterRun& run) {
  if (run.begun_ == run.batch_.count) {
    settle(env, run, nullptr);
  } else if (const char* wrong = begin_step(env, run)) {
    settle(env, run, wrong);
  } else {
    leave_to_pool(run);
  }
}

const char* LaterRuns::begin_step(Napi::Env env, LaterRun& run) {
  Array<float> x;
  const Napi::HandleScope scope(env);
  if (!read_floats(env, run.x_.Value(), x) || x.length != run.x_length_) return "the input was detached during the run";
  const size_t x_length = run.x_length_ / static_cast<size_t>(run.batch_.count);
  const size_t y_length = run.y_length_ / static_cast<size_t>(run.batch_.count);
  const size_t first = static_cast<size_t>(run.begun_);
  Batch batch = run.batch_;
  batch.count = std::min(run.step_, run.batch_.count - run.begun_);
  run.run_ = plan_run(*run.layer_->layer, batch, run.layer_->threads);
  if (run.workspace_.byte_length < run.run_.workspace_byte_length) {
    workspaces_.give_back(std::move(run.workspace_));
    run.workspace_ = workspaces_.take(run.run_.workspace_byte_length);
    if (!run.workspace_.memory) return "there is not enough memory for this batch";
  }
  run.run_.x = x.data + x_length * first;
  run.run_.y = run.y_data_ + y_length * first;
  run.run_.workspace = run.workspace_.memory.get();
  if (run.run_.phases == 1) {
    const size_t byte_length = x_length * static_cast<size_t>(batch.count) * sizeof(float); // of a single token
    run.x_copy_ = allocate(byte_length);
    if (!run.x_copy_) return "there is not enough memory for this batch";
    memcpy(run.x_copy_.get(), run.run_.x, byte_length);
    run.run_.x = reinterpret_cast<float*>(run.x_copy_.get());
  }
  run.begun_ += batch.count;
  start_run(run.run_);
  const double values = static_cast<double>(x_length) * batch.count;
  run_phases(run.run_, run.run_.phases - 1, values * run.layer_->cost.nanoseconds_per_value, 0);
  return nullptr;
}

/** Without any thread in the pool, the event loop does it after all. */
void LaterRuns::leave_to_pool(LaterRun& run) {
  pthread_mutex_lock(&lock_);
  busy_++;
  pthread_mutex_unlock(&lock_);
  const int32_t items = run.run_.items[run.run_.phases - 1];
  run.reset(items, run.run_.threads);
  if (ThreadPool::shared().start(run)) return;
  run.run_items(0, items, 0);
  run.finished();
}

void LaterRuns::hand_back(LaterRun& run) {
  napi_call_threadsafe_function(event_loop_, &run, napi_tsfn_nonblocking);
  pthread_mutex_lock(&lock_);
  if (--busy_ == 0) pthread_cond_signal(&quiet_);
  pthread_mutex_unlock(&lock_);
}

void LaterRuns::proceed_in_event_loop(napi_env env, napi_value, void* later_runs, void* run) {
  if (env == nullptr) return; // the environment is going
  static_cast<LaterRuns*>(later_runs)->proceed(Napi::Env(env), *static_cast<LaterRun*>(run));
}

void LaterRuns::settle(Napi::Env env, LaterRun& run, const char* wrong) {
  const Napi::HandleScope scope(env);
  if (wrong) {
    run.deferred_.Reject(Napi::Error::New(env, wrong).Value());
  } else {
    run.deferred_.Resolve(run.y_.Value());
  }
  workspaces_.give_back(std::move(run.workspace_));
  const auto is_run = [&run](const std::unique_ptr<LaterRun>& other) { return other.get() == &run; };
  runs_.erase(std::find_if(runs_.begin(), runs_.end(), is_run));
  if (runs_.empty()) napi_unref_threadsafe_function(env_, event_loop_);
}

void LaterRuns::end_all(void* later_runs) {
  LaterRuns& self = *static_cast<LaterRuns*>(later_runs);
  int32_t unbegun = 0;
  for (const std::unique_ptr<LaterRun>& run : self.runs_) {
    if (ThreadPool::shared().cancel(*run)) unbegun++;
  }
  pthread_mutex_lock(&self.lock_);
  self.busy_ -= unbegun;
  while (self.busy_ > 0) pthread_cond_wait(&self.quiet_, &self.lock_);
  pthread_mutex_unlock(&self.lock_);
  self.runs_.clear();
}

} // namespace bitlinear
