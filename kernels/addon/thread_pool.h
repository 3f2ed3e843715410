/**
 * The threads of the process. One pool serves all layers, all models and all of Node's workers; it grows to the largest
 * number of threads that a task asks for, and its threads live as long as the process.
 *
 * A thread without work watches for some ten microseconds, because the next layer of a model comes that soon, and sleeps then.
 * To wake it costs the caller some ten microseconds, and until it runs it may be a hundred: so that is done once as much work
 * has been done alone, in one run or in several that followed each other closely.
 * Nobody waits for a thread that has not begun: whoever runs a task takes part, and finds nothing left to do at worst what all
 * others are doing. So a pool whose threads are all busy delays nothing but itself.
 */
#pragma once
#include <pthread.h>
#include <stdint.h>

#include <atomic>

namespace bitlinear {

/** Work in items that any number of threads share, in any order. */
class Task {
public:
  Task(int32_t items, int32_t threads) { reset(items, threads); }
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  /** Does items `begin` to `end`; `thread` is below `threads`, and no two threads have the same. */
  virtual void run_items(int32_t begin, int32_t end, int32_t thread) = 0;

  /** Nobody works on it any more: said by a thread of the pool, once, of a task that was given to `start`. */
  virtual void finished() {}

protected:
  /** Prepares the task for another turn. */
  void reset(int32_t items, int32_t threads);

private:
  friend class ThreadPool;

  /** Takes the next few items; smaller ranges towards the end, so that all threads end at about the same time. */
  bool claim(int32_t& begin, int32_t& end);

  std::atomic<int32_t> next_item_;
  /** Threads that may still touch the task. */
  std::atomic<int32_t> inside_;
  int32_t items_, threads_;
  // Under the pool's lock:
  int32_t joined_;
  bool is_open_, has_caller_;
  Task* previous_;
  Task* next_;
};

class ThreadPool {
public:
  /** The pool of the process. It is never destroyed: its threads may outlive every static object. */
  static ThreadPool& shared();

  /**
   * Does all items of a task, the calling thread as thread 0.
   *
   * @param nanoseconds what they take one thread, about
   */
  void run(Task& task, double nanoseconds);

  /** Leaves a task to the pool, which calls `finished`. False when it has no thread. */
  bool start(Task& task);

  /** Lets the threads of a started task end early. True when none had begun: then `finished` will not be called. */
  bool cancel(Task& task);

private:
  ThreadPool();
  static void* thread_main(void* pool);
  void grow(int32_t threads);
  void open(Task& task, bool has_caller);
  void close(Task& task);
  void work(Task& task, int32_t thread);
  void leave(Task& task);
  void wait_until_left(Task& task);
  bool is_worth_waking(double nanoseconds);
  void wake(int32_t threads);
  [[noreturn]] void serve();
  Task* take(int32_t& thread);
  Task* join(int32_t& thread);
  bool watch();

  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t opened_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t left_ = PTHREAD_COND_INITIALIZER;
  /** Tasks that another thread may join, in the order in which they are served. */
  Task* first_ = nullptr;
  Task* last_ = nullptr;
  int32_t threads_ = 0;
  int32_t sleeping_ = 0;
  int32_t waiting_ = 0;
  std::atomic<int32_t> open_tasks_{0};
  std::atomic<int32_t> watching_{0};
  /** Work that was done alone lately, and when the last of it began. */
  std::atomic<double> alone_nanoseconds_{0};
  std::atomic<int64_t> last_alone_{0};
  const int32_t processors_;
};

} // namespace bitlinear
