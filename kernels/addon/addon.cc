/**
 * The Node addon: `kernels(first?)`, `bitsPerWeight(kernel)`, the class `NativeLayer`, and the ceilings. Its only user is src/backends/native, which checks what
 * people call with and says what is wrong with it; here it is checked again, in few words, so that no call can read or
 * write where it must not.
 */
#include <dlfcn.h>
#include <napi.h>

#include <string>

#include "../cpu.h"
#include "ceilings_exports.h"
#include "native_layer.h"

namespace bitlinear {
namespace {

/** `kernels(first?)`: names of the kernels of this machine, best first; none when `first` is no kernel of this build. */
Napi::Value list_kernels(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const bool has_first = info[0].IsString();
  const std::string first = has_first ? info[0].As<Napi::String>().Utf8Value() : std::string();
  const KernelList usable = usable_kernels(has_first ? first.c_str() : nullptr);
  Napi::Array names = Napi::Array::New(env);
  for (int32_t i = 0; i < usable.count; i++) names.Set(static_cast<uint32_t>(i), usable.items[i]->id);
  return names;
}

/** `bitsPerWeight(kernel)`: of its layout; 0 for one that this machine does not have. */
Napi::Value bits_per_weight(const Napi::CallbackInfo& info) {
  const std::string id = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : std::string();
  const KernelList usable = usable_kernels(nullptr);
  double bits = 0;
  for (int32_t i = 0; i < usable.count; i++) {
    if (id == usable.items[i]->id) bits = 8.0 * LANES / panel_outputs(usable.items[i]->layout);
  }
  return Napi::Number::New(info.Env(), bits);
}

/** Keeps this library in memory when a worker that alone had loaded it ends: the threads of the pool live on in its code. */
void stay_loaded() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&stay_loaded), &self) != 0) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  stay_loaded();
  env.SetInstanceData(new AddonData(env));
  exports.Set("kernels", Napi::Function::New<list_kernels>(env, "kernels"));
  exports.Set("bitsPerWeight", Napi::Function::New<bits_per_weight>(env, "bitsPerWeight"));
  exports.Set("NativeLayer", NativeLayer::define(env));
  export_ceilings(env, exports);
  return exports;
}

NODE_API_MODULE(bitlinear, initialize)

} // namespace
} // namespace bitlinear
