/** Memory between guards: a write beyond it is found in every build, a read beyond it under AddressSanitizer. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER
#endif
#endif
#ifdef HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, size) ((void)(start), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(start, size) ((void)(start), (void)(size))
#endif

/** `count` values, filled with a pattern that spoils results that depend on it. */
template <typename T>
class Buffer {
public:
  /** `offset`: bytes behind a multiple of 64 at which the values start. */
  explicit Buffer(size_t count, size_t offset = 0) : count_(count), offset_(offset), byte_length_(count * sizeof(T)) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, GUARD + offset + byte_length_ + GUARD) != 0) abort();
    start_ = static_cast<uint8_t*>(memory);
    memset(start_, PATTERN, total());
    ASAN_POISON_MEMORY_REGION(start_, GUARD + offset);
    ASAN_POISON_MEMORY_REGION(end(), GUARD);
  }

  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  ~Buffer() {
    ASAN_UNPOISON_MEMORY_REGION(start_, total());
    bool is_intact = true;
    for (size_t i = 0; i < GUARD + offset_; i++) is_intact = is_intact && start_[i] == PATTERN;
    for (size_t i = 0; i < GUARD; i++) is_intact = is_intact && end()[i] == PATTERN;
    if (!is_intact) {
      fprintf(stderr, "a guard around a buffer of %zu bytes was overwritten\n", byte_length_);
      abort();
    }
    free(start_);
  }

  T* data() { return reinterpret_cast<T*>(start_ + GUARD + offset_); }
  const T* data() const { return reinterpret_cast<const T*>(start_ + GUARD + offset_); }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }

private:
  static constexpr size_t GUARD = 256;
  static constexpr uint8_t PATTERN = 0xff; // a NaN as a float

  uint8_t* end() { return start_ + GUARD + offset_ + byte_length_; }
  size_t total() const { return GUARD + offset_ + byte_length_ + GUARD; }

  size_t count_, offset_, byte_length_;
  uint8_t* start_;
};
