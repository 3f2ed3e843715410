#include "ceilings_exports.h"

#include <string>

#include "ceilings.h"

namespace bitlinear {
namespace {

constexpr int32_t MOST_THREADS = 1024;

/** 0 for anything but a number of threads. */
int32_t threads_of(const Napi::Value& value) {
  const int32_t threads = value.IsNumber() ? value.As<Napi::Number>().Int32Value() : 0;
  return threads >= 1 && threads <= MOST_THREADS ? threads : 0;
}

Napi::Value dram_read(const Napi::CallbackInfo& info) {
  const double byte_length = info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : 0;
  const bool is_length = byte_length > 0 && byte_length < 0x1p48; // false for NaN, too
  const double speed = measure_dram_read(threads_of(info[0]), is_length ? static_cast<size_t>(byte_length) : 0);
  return Napi::Number::New(info.Env(), speed);
}

Napi::Value int8_dot(const Napi::CallbackInfo& info) {
  const std::string kernel = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  return Napi::Number::New(info.Env(), measure_int8_dot(threads_of(info[0]), kernel.c_str()));
}

} // namespace

void export_ceilings(Napi::Env env, Napi::Object exports) {
  exports.Set("measureDramRead", Napi::Function::New(env, dram_read));
  exports.Set("measureInt8Dot", Napi::Function::New(env, int8_dot));
}

} // namespace bitlinear
