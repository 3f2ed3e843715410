#include "native_layer.h"

namespace bitlinear {
namespace {

constexpr const char* IS_DISPOSED = "this layer was disposed";
constexpr const char* SHARE_MEMORY = "x and y share memory";

/** Two SharedArrayBuffers can be of one memory, which JavaScript does not show. */
bool overlap(const Array<float>& x, const Array<float>& y) {
  const auto begin = [](const Array<float>& array) { return reinterpret_cast<uintptr_t>(array.data); };
  const auto end = [begin](const Array<float>& array) { return begin(array) + array.length * sizeof(float); };
  return begin(x) < end(y) && begin(y) < end(x);
}

Napi::Value refuse(Napi::Env env, const char* wrong) {
  Napi::TypeError::New(env, wrong).ThrowAsJavaScriptException();
  return {};
}

} // namespace

Napi::Function NativeLayer::define(Napi::Env env) {
  return DefineClass(env, "NativeLayer",
                     {InstanceMethod<&NativeLayer::add_panel>("addPanel"),
                      InstanceMethod<&NativeLayer::read_panel>("readPanel"),
                      InstanceMethod<&NativeLayer::run>("run"),
                      InstanceMethod<&NativeLayer::run_later>("runLater"),
                      InstanceMethod<&NativeLayer::dispose>("dispose"),
                      InstanceAccessor<&NativeLayer::outputs_of_panel>("panelOutputs"),
                      InstanceAccessor<&NativeLayer::byte_length>("byteLength"),
                      InstanceAccessor<&NativeLayer::nanoseconds_per_row>("nanosecondsPerRow"),
                      InstanceAccessor<&NativeLayer::nanoseconds_per_value>("nanosecondsPerValue")});
}

NativeLayer::NativeLayer(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NativeLayer>(info), data_(info.Env().GetInstanceData<AddonData>()) {
  LayerArguments arguments;
  if (const char* wrong = read_layer(info, arguments)) {
    refuse(info.Env(), wrong);
    return;
  }
  layer_ = start_prepared(arguments.description, arguments.threads);
  if (!layer_) {
    refuse(info.Env(), "there is not enough memory for this layer");
    return;
  }
  account(1);
}

void NativeLayer::add_panel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!layer_) return void(refuse(env, IS_DISPOSED));
  Layer& layer = *layer_->layer;
  const int32_t index = layer_->filled_panels;
  if (index == layer.panels) return void(refuse(env, "this layer has all its panels"));
  PanelArguments parts;
  if (const char* wrong = read_panel_parts(info, layer, index, parts)) return void(refuse(env, wrong));
  prepare_panel(layer, index, parts.planes.data(), index * panel_outputs(kernel_of(layer).layout), parts.bias);
  layer_->filled_panels++;
}

void NativeLayer::read_panel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (const char* obstacle = find_obstacle()) return void(refuse(env, obstacle));
  PanelTarget target;
  if (const char* wrong = read_panel_target(info, *layer_->layer, target)) return void(refuse(env, wrong));
  bitlinear::read_panel(*layer_->layer, target.index, target.plane, target.trits);
}

const char* NativeLayer::find_obstacle() const {
  if (!layer_) return IS_DISPOSED;
  return layer_->filled_panels < layer_->layer->panels ? "this layer lacks panels" : nullptr;
}

Napi::Value NativeLayer::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (const char* obstacle = find_obstacle()) return refuse(env, obstacle);
  const Layer& layer = *layer_->layer;
  Array<float> x, y;
  Batch batch;
  BatchSizes sizes;
  if (!read_floats(env, info[0], x) || !read_floats(env, info[1], y)) return refuse(env, "x and y must be Float32Arrays");
  if (const char* wrong = read_batch(info, 2, layer, batch)) return refuse(env, wrong);
  if (const char* wrong = measure_batch(layer, batch, sizes)) return refuse(env, wrong);
  if (x.length != sizes.x_length || y.length != sizes.y_length) return refuse(env, "x or y does not fit the batch");
  if (overlap(x, y)) return refuse(env, SHARE_MEMORY);
  if (batch.count == 0) return {};

  const Cost& cost = layer_->cost;
  const double encoding = sizes.values * cost.nanoseconds_per_value;
  const double multiplying = sizes.rows * cost.nanoseconds_per_row;
  Run run = plan_run(layer, batch, threads_for(encoding + multiplying, layer_->threads));
  Workspace workspace = data_->workspaces.take(run.workspace_byte_length);
  if (!workspace.memory) return refuse(env, "there is not enough memory for this batch");
  run.x = x.data;
  run.y = y.data;
  run.workspace = workspace.memory.get();
  start_run(run);
  run_phases(run, run.phases, encoding, multiplying);
  data_->workspaces.give_back(std::move(workspace));
  return {};
}

Napi::Value NativeLayer::run_later(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (const char* obstacle = find_obstacle()) return refuse(env, obstacle);
  Array<float> x, y;
  Batch batch;
  BatchSizes sizes;
  const bool is_y_given = !info[1].IsNull();
  if (!read_floats(env, info[0], x)) return refuse(env, "x must be a Float32Array");
  if (is_y_given && !read_shared_floats(env, info[1], y)) return refuse(env, "y must be a shared Float32Array, or null");
  if (const char* wrong = read_batch(info, 2, *layer_->layer, batch)) return refuse(env, wrong);
  if (const char* wrong = measure_batch(*layer_->layer, batch, sizes)) return refuse(env, wrong);
  if (x.length != sizes.x_length) return refuse(env, "x does not fit the batch");
  if (is_y_given && y.length != sizes.y_length) return refuse(env, "y does not fit the batch");
  if (is_y_given && overlap(x, y)) return refuse(env, SHARE_MEMORY);
  return data_->later_runs.begin(layer_, batch, sizes, info[0], info[1]);
}

void NativeLayer::dispose(const Napi::CallbackInfo&) { release(); }

void NativeLayer::release() {
  if (!layer_) return;
  account(-1);
  layer_.reset();
}

void NativeLayer::account(int sign) {
  Napi::MemoryManagement::AdjustExternalMemory(Env(), sign * static_cast<int64_t>(layer_->layer->byte_length));
}

Napi::Value NativeLayer::outputs_of_panel(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), layer_ ? panel_outputs(kernel_of(*layer_->layer).layout) : 0);
}

Napi::Value NativeLayer::byte_length(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), layer_ ? static_cast<double>(layer_->layer->byte_length) : 0);
}

Napi::Value NativeLayer::nanoseconds_per_row(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), layer_ ? layer_->cost.nanoseconds_per_row : 0);
}

Napi::Value NativeLayer::nanoseconds_per_value(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), layer_ ? layer_->cost.nanoseconds_per_value : 0);
}

} // namespace bitlinear
