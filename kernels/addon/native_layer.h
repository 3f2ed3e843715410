/** The JavaScript object of a prepared layer. */
#pragma once
#include <napi.h>

#include <memory>

#include "arguments.h"
#include "later_run.h"
#include "memory.h"
#include "prepared_layer.h"

namespace bitlinear {

/** What belongs to one Node environment: the main thread, or a worker. */
struct AddonData {
  explicit AddonData(Napi::Env env) : later_runs(env, workspaces) {}
  Workspaces workspaces;
  LaterRuns later_runs;
};

class NativeLayer : public Napi::ObjectWrap<NativeLayer> {
public:
  static Napi::Function define(Napi::Env env);

  /** Arguments as `read_layer` wants them. */
  explicit NativeLayer(const Napi::CallbackInfo& info);
  ~NativeLayer() override { release(); }

private:
  /** `addPanel(...)` with arguments as `read_panel_parts` wants them: fills the next panel; runs need all of them. */
  void add_panel(const Napi::CallbackInfo& info);
  /** `readPanel(index, plane, trits)`: the trits of a panel again. */
  void read_panel(const Napi::CallbackInfo& info);
  /** `run(x, y, count, height?, width?)`: fills y before it returns. */
  Napi::Value run(const Napi::CallbackInfo& info);
  /** `runLater(x, y, count, height?, width?)`: a promise of y, shared memory; of a new array where y is null. */
  Napi::Value run_later(const Napi::CallbackInfo& info);
  /** `dispose()`: runs that have begun keep what they need. */
  void dispose(const Napi::CallbackInfo& info);
  /** `panelOutputs`: rows of each panel but the last one, which may have fewer. */
  Napi::Value outputs_of_panel(const Napi::CallbackInfo& info);
  Napi::Value byte_length(const Napi::CallbackInfo& info);
  Napi::Value nanoseconds_per_row(const Napi::CallbackInfo& info);
  Napi::Value nanoseconds_per_value(const Napi::CallbackInfo& info);

  /** Why it cannot run, or null. */
  const char* find_obstacle() const;
  void release();
  /** Tells the garbage collector that the layer's memory has come, or gone. */
  void account(int sign);

  AddonData* data_ = nullptr;
  std::shared_ptr<PreparedLayer> layer_;
};

} // namespace bitlinear
