/** Memory for kernels: at multiples of 64 bytes, and null where there is no more. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace bitlinear {

struct FreeMemory {
  void operator()(void* memory) const { free(memory); }
};

/** An owned block. */
using Memory = std::unique_ptr<uint8_t, FreeMemory>;

constexpr size_t HUGE_PAGE_BYTE_LENGTH = 2 << 20;

/**
 * Asks for huge pages where a block has some: streams cross fewer borders of pages, and the first touch costs less. Where the
 * system refuses, pages are as they were.
 */
inline void ask_for_huge_pages(void* block, size_t byte_length) {
#if defined(__linux__)
  if (byte_length < 2 * HUGE_PAGE_BYTE_LENGTH) return;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(block) + HUGE_PAGE_BYTE_LENGTH - 1) & ~(HUGE_PAGE_BYTE_LENGTH - 1);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(block) + byte_length) & ~(HUGE_PAGE_BYTE_LENGTH - 1);
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

/** Large blocks begin with a huge page. */
inline Memory allocate(size_t byte_length) {
  // What is longer than any address is refused before rounding up could wrap round.
  if (byte_length > SIZE_MAX / 2) return nullptr;
  const bool is_large = byte_length >= 2 * HUGE_PAGE_BYTE_LENGTH;
  const size_t alignment = is_large ? HUGE_PAGE_BYTE_LENGTH : 64;
  const size_t rounded = (byte_length + 63) & ~static_cast<size_t>(63);
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, rounded) != 0) return nullptr;
  ask_for_huge_pages(memory, rounded);
  return Memory(static_cast<uint8_t*>(memory));
}

/** A workspace of a run. */
struct Workspace {
  Memory memory;
  size_t byte_length = 0;
};

/** Workspaces that wait for the next run, so that runs of models in use allocate nothing. For one thread. */
class Workspaces {
public:
  /** One of at least that many bytes; its memory is null when there is none to be had. */
  Workspace take(size_t byte_length) {
    for (size_t i = 0; i < idle_.size(); i++) {
      if (idle_[i].byte_length < byte_length) continue;
      std::swap(idle_[i], idle_.back());
      Workspace found = std::move(idle_.back());
      idle_.pop_back();
      return found;
    }
    // Some more than asked for, so that batches of slightly different sizes share one.
    const size_t generous = std::max<size_t>(byte_length + byte_length / 4, 4096);
    Workspace made = {allocate(generous), generous};
    return made.memory ? std::move(made) : Workspace{allocate(byte_length), byte_length};
  }

  /** Keeps a few; large ones cost less than the run they are made for. */
  void give_back(Workspace workspace) {
    if (!workspace.memory || workspace.byte_length > MOST_BYTES) return;
    idle_.push_back(std::move(workspace));
    if (idle_.size() <= MOST_IDLE) return;
    const auto is_smaller = [](const Workspace& a, const Workspace& b) { return a.byte_length < b.byte_length; };
    idle_.erase(std::min_element(idle_.begin(), idle_.end(), is_smaller));
  }

private:
  static constexpr size_t MOST_BYTES = 16 << 20;
  static constexpr size_t MOST_IDLE = 4;
  std::vector<Workspace> idle_;
};

} // namespace bitlinear
