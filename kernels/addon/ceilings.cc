#include "ceilings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <chrono>

#include "../cpu.h"
#include "dot_loops.h"
#include "memory.h"

namespace bitlinear {
namespace {

/** What is measured, the best of this many times; the first ones also wake up the clock of the processor. */
constexpr int PASSES = 6;

constexpr double DOT_SECONDS = 0.01;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/** Work that several threads begin at the same time. */
class Race {
public:
  using Work = void (*)(const void* context, int32_t thread);

  Race(int32_t threads, Work work, const void* context) : threads_(threads), work_(work), context_(context) {}

  /** Seconds until the last thread is done, the calling one being one of them; 0 when threads cannot be started. */
  double run() {
    auto* others = static_cast<Runner*>(calloc(static_cast<size_t>(threads_), sizeof(Runner)));
    if (others == nullptr) return 0;
    int32_t started = 0;
    while (started < threads_ - 1) {
      Runner& runner = others[started];
      runner = {this, started + 1, {}};
      if (pthread_create(&runner.handle, nullptr, start, &runner) != 0) break;
      started++;
    }
    while (ready_.load() < started) {}
    const bool is_complete = started == threads_ - 1;
    const double begin = seconds_now();
    go_.store(is_complete ? 1 : -1);
    if (is_complete) work_(context_, 0);
    for (int32_t i = 0; i < started; i++) pthread_join(others[i].handle, nullptr);
    const double seconds = seconds_now() - begin;
    free(others);
    return is_complete ? seconds : 0;
  }

private:
  struct Runner {
    Race* race;
    int32_t thread;
    pthread_t handle;
  };

  static void* start(void* argument) {
    const Runner& runner = *static_cast<Runner*>(argument);
    Race& race = *runner.race;
    race.ready_++;
    while (race.go_.load() == 0) {}
    if (race.go_.load() > 0) race.work_(race.context_, runner.thread);
    return nullptr;
  }

  int32_t threads_;
  Work work_;
  const void* context_;
  std::atomic<int32_t> ready_{0};
  /** 0: wait; 1: work; -1: go home. */
  std::atomic<int32_t> go_{0};
};

struct Region {
  uint8_t* bytes;
  /** Of each thread; a multiple of what all streams take. */
  size_t part;
};

using Words = uint64_t __attribute__((vector_size(16)));

/** Bytes of a stream; all streams of a thread lie side by side. */
constexpr size_t STREAM_BYTES = 64 << 10;

/**
 * Reads one part, STREAMS at a time: to fetch ahead, processors follow each stream by itself, and no further than its page.
 * AHEAD bytes in front of what is read, memory is asked for what comes.
 */
template <size_t STREAMS, size_t AHEAD>
void read_part(const void* context, int32_t thread) {
  const Region& memory = *static_cast<const Region*>(context);
  const uint8_t* part = memory.bytes + memory.part * static_cast<size_t>(thread);
  const uint8_t* end = part + memory.part;
  Words sums[4] = {};
  for (; part < end; part += STREAMS * STREAM_BYTES) {
    for (size_t at = 0; at < STREAM_BYTES; at += 64) {
      for (size_t stream = 0; stream < STREAMS; stream++) {
        const uint8_t* line = part + stream * STREAM_BYTES + at;
        if (AHEAD > 0) __builtin_prefetch(line + AHEAD);
        for (int i = 0; i < 4; i++) sums[i] += *reinterpret_cast<const Words*>(line + 16 * i);
      }
    }
  }
  const Words sum = sums[0] + sums[1] + sums[2] + sums[3];
  __asm__ volatile("" : : "r"(sum[0] + sum[1])); // somebody looks at it
}

/** Which way is the fastest, differs from processor to processor. */
constexpr size_t MOST_STREAMS = 8;
constexpr Race::Work READERS[] = {read_part<1, 0>, read_part<1, 4096>, read_part<1, 8192>,
                                  read_part<4, 0>, read_part<4, 2048>, read_part<MOST_STREAMS, 0>};

/** Memory comes into being when it is written, near the thread that writes it. */
void write_part(const void* context, int32_t thread) {
  const Region& memory = *static_cast<const Region*>(context);
  memset(memory.bytes + memory.part * static_cast<size_t>(thread), 1, memory.part);
}

struct DotWork {
  const DotLoop* loop;
  int64_t rounds;
};

void run_dot(const void* context, int32_t) {
  const DotWork& work = *static_cast<const DotWork*>(context);
  work.loop->run(work.rounds);
}

const DotLoop* dot_loop_of(const char* kernel) {
  const KernelList usable = usable_kernels(nullptr);
  for (int32_t i = 0; i < usable.count; i++) {
    if (strcmp(usable.items[i]->id, kernel) != 0) continue;
    for (const DotLoop& loop : dot_loops)
      if (strcmp(loop.kernel, kernel) == 0) return &loop;
  }
  return nullptr;
}

} // namespace

double measure_dram_read(int32_t threads, size_t byte_length) {
  if (threads < 1) return 0;
  constexpr size_t STEP = MOST_STREAMS * STREAM_BYTES;
  const size_t part = byte_length / static_cast<size_t>(threads) / STEP * STEP;
  const Memory bytes = part == 0 ? nullptr : allocate(part * static_cast<size_t>(threads)); // as layers have it
  if (!bytes) return 0;
  const Region memory{bytes.get(), part};
  const double read = static_cast<double>(part) * threads;
  double best = 0;
  if (Race(threads, write_part, &memory).run() > 0) {
    for (int pass = 0; pass < PASSES; pass++) {
      for (const Race::Work work : READERS) {
        const double seconds = Race(threads, work, &memory).run();
        if (seconds > 0 && read / seconds > best) best = read / seconds;
      }
    }
  }
  return best / 1e9;
}

double measure_int8_dot(int32_t threads, const char* kernel) {
  const DotLoop* loop = dot_loop_of(kernel);
  if (loop == nullptr || threads < 1) return 0;
  DotWork work{loop, 1 << 12};
  double seconds = 0;
  while ((seconds = Race(1, run_dot, &work).run()) < DOT_SECONDS) {
    if (seconds == 0) return 0;
    work.rounds *= 2;
  }
  double best = 0;
  for (int pass = 0; pass < PASSES; pass++) {
    seconds = Race(threads, run_dot, &work).run();
    const double done = loop->operations * static_cast<double>(work.rounds) * threads;
    if (seconds > 0 && done / seconds > best) best = done / seconds;
  }
  return best / 1e9;
}

} // namespace bitlinear
