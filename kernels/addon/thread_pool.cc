#include "thread_pool.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace bitlinear {
namespace {

/** How long a thread without work watches before it sleeps: longer than a model takes from one layer to the next. */
constexpr int64_t WATCH_NANOSECONDS = 50'000;

/** What waking a thread is worth: until it runs, about that passes in virtual machines, and a tenth of it on others. */
constexpr double WAKE_NANOSECONDS = 80'000;

/** Runs that follow each other within this time are one piece of work. */
constexpr int64_t PAUSE_NANOSECONDS = 500'000;

/** Kernels need little stack, and a program may ask for a thousand threads. */
constexpr size_t STACK_BYTE_LENGTH = 256 << 10;

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/** Leaves the core to its other hardware thread for a moment. */
inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

/** Looks again and again for as long as a thread watches. Returns what it last saw. */
template <typename Condition>
bool watch_for(Condition condition) {
  if (condition()) return true;
  const int64_t end = now() + WATCH_NANOSECONDS;
  do {
    for (int i = 0; i < 16; i++) {
      if (condition()) return true;
      pause();
    }
  } while (now() < end);
  return condition();
}

class Locked {
public:
  explicit Locked(pthread_mutex_t& mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
  ~Locked() { pthread_mutex_unlock(&mutex_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

private:
  pthread_mutex_t& mutex_;
};

} // namespace

void Task::reset(int32_t items, int32_t threads) {
  next_item_.store(0, std::memory_order_relaxed);
  inside_.store(0, std::memory_order_relaxed);
  items_ = items;
  threads_ = threads;
  joined_ = 0;
  is_open_ = has_caller_ = false;
  previous_ = next_ = nullptr;
}

bool Task::claim(int32_t& begin, int32_t& end) {
  begin = next_item_.load(std::memory_order_relaxed);
  do {
    if (begin >= items_) return false;
    end = begin + std::max(1, (items_ - begin) / (4 * threads_));
  } while (!next_item_.compare_exchange_weak(begin, end, std::memory_order_relaxed));
  return true;
}

ThreadPool& ThreadPool::shared() {
  static ThreadPool* const pool = new ThreadPool;
  return *pool;
}

ThreadPool::ThreadPool() : processors_(static_cast<int32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)))) {}

void ThreadPool::run(Task& task, double nanoseconds) {
  const bool can_share = task.items_ > 1 && task.threads_ > 1;
  const bool is_watched = can_share && watching_.load(std::memory_order_relaxed) > 0;
  const bool wakes = can_share && !is_watched && is_worth_waking(nanoseconds);
  if (!is_watched && !wakes) {
    if (task.items_ > 0) task.run_items(0, task.items_, 0);
    return;
  }
  {
    const Locked locked(lock_);
    grow(task.threads_ - 1);
    task.joined_ = 1;
    task.inside_.store(1, std::memory_order_relaxed);
    open(task, true);
    if (nanoseconds > WAKE_NANOSECONDS || wakes) wake(task.threads_ - 1);
  }
  work(task, 0);
  {
    const Locked locked(lock_);
    close(task);
    task.inside_.fetch_sub(1, std::memory_order_relaxed);
  }
  wait_until_left(task);
}

/** Callers that ask at once may count each other's work or miss it, which does no harm. */
bool ThreadPool::is_worth_waking(double nanoseconds) {
  const int64_t time = now();
  const int64_t last = last_alone_.exchange(time, std::memory_order_relaxed);
  const double before = alone_nanoseconds_.load(std::memory_order_relaxed);
  const double alone = nanoseconds + (time - last < PAUSE_NANOSECONDS ? before : 0);
  const bool is_worth = alone > WAKE_NANOSECONDS;
  alone_nanoseconds_.store(is_worth ? 0 : alone, std::memory_order_relaxed);
  return is_worth;
}

bool ThreadPool::start(Task& task) {
  const Locked locked(lock_);
  grow(task.threads_);
  if (threads_ == 0) return false;
  open(task, false);
  wake(task.threads_);
  return true;
}

bool ThreadPool::cancel(Task& task) {
  const Locked locked(lock_);
  task.next_item_.store(task.items_, std::memory_order_relaxed);
  if (!task.is_open_ || task.joined_ > 0) return false;
  close(task);
  return true;
}

/** Under the lock. A system that gives no more threads leaves the pool smaller. */
void ThreadPool::grow(int32_t threads) {
  if (threads_ >= threads) return;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTE_LENGTH);
  sigset_t all, before; // signals are for the threads of Node
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (pthread_t thread; threads_ < threads; threads_++) {
    if (pthread_create(&thread, &attributes, thread_main, this) != 0) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
}

/** Under the lock. Tasks with a waiting caller come before those without. */
void ThreadPool::open(Task& task, bool has_caller) {
  task.is_open_ = true;
  task.has_caller_ = has_caller;
  task.previous_ = has_caller ? nullptr : last_;
  task.next_ = has_caller ? first_ : nullptr;
  (task.previous_ ? task.previous_->next_ : first_) = &task;
  (task.next_ ? task.next_->previous_ : last_) = &task;
  open_tasks_.fetch_add(1, std::memory_order_relaxed);
}

/** Under the lock: nobody joins any more. */
void ThreadPool::close(Task& task) {
  if (!task.is_open_) return;
  task.is_open_ = false;
  (task.previous_ ? task.previous_->next_ : first_) = task.next_;
  (task.next_ ? task.next_->previous_ : last_) = task.previous_;
  open_tasks_.fetch_sub(1, std::memory_order_relaxed);
}

/** Under the lock. */
void ThreadPool::wake(int32_t threads) {
  for (int32_t i = std::min(threads, sleeping_); i > 0; i--) pthread_cond_signal(&opened_);
}

void ThreadPool::work(Task& task, int32_t thread) {
  for (int32_t begin, end; task.claim(begin, end);) task.run_items(begin, end, thread);
}

/** The task of a waiting caller may be gone once nobody is inside, so it is not touched after that. */
void ThreadPool::leave(Task& task) {
  bool is_finished = false;
  {
    const Locked locked(lock_);
    close(task); // its items are all taken
    const bool has_caller = task.has_caller_;
    const bool is_last = task.inside_.fetch_sub(1, std::memory_order_release) == 1;
    is_finished = is_last && !has_caller;
    if (is_last && has_caller && waiting_ > 0) pthread_cond_broadcast(&left_);
  }
  if (is_finished) task.finished();
}

void ThreadPool::wait_until_left(Task& task) {
  const auto is_left = [&task] { return task.inside_.load(std::memory_order_acquire) == 0; };
  if (watch_for(is_left)) return;
  const Locked locked(lock_);
  waiting_++;
  while (!is_left()) pthread_cond_wait(&left_, &lock_);
  waiting_--;
}

void* ThreadPool::thread_main(void* pool) { static_cast<ThreadPool*>(pool)->serve(); }

void ThreadPool::serve() {
  for (;;) {
    int32_t thread = 0;
    Task& task = *take(thread);
    work(task, thread);
    leave(task);
  }
}

/** Waits for a task, and joins it. */
Task* ThreadPool::take(int32_t& thread) {
  for (;;) {
    const bool is_promising = watch();
    const Locked locked(lock_);
    if (Task* task = join(thread)) return task;
    if (is_promising) continue; // another thread was faster: the next task may be as near
    sleeping_++;
    pthread_cond_wait(&opened_, &lock_);
    sleeping_--;
    if (Task* task = join(thread)) return task;
  }
}

/** Under the lock. */
Task* ThreadPool::join(int32_t& thread) {
  Task* task = first_;
  if (!task) return nullptr;
  thread = task->joined_++;
  task->inside_.fetch_add(1, std::memory_order_relaxed);
  if (task->joined_ == task->threads_) close(*task);
  return task;
}

/** Whether a task came. More watching threads than processors would only take time from those that work. */
bool ThreadPool::watch() {
  if (watching_.fetch_add(1, std::memory_order_relaxed) >= std::max(1, processors_ - 1)) {
    watching_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  const bool has_task = watch_for([this] { return open_tasks_.load(std::memory_order_relaxed) > 0; });
  watching_.fetch_sub(1, std::memory_order_relaxed);
  return has_task;
}

} // namespace bitlinear
