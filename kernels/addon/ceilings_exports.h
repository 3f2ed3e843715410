/** The ceilings for JavaScript. */
#pragma once
#include <napi.h>

namespace bitlinear {

/**
 * Adds `measureDramRead(threads, byteLength)` and `measureInt8Dot(threads, kernel)` to what the addon exports: numbers as
 * ceilings.h says, 0 also for arguments that are none.
 */
void export_ceilings(Napi::Env env, Napi::Object exports);

} // namespace bitlinear
