#include "common/process/ready_report.hpp"

#include "common/check.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace parley {

ready_report::ready_report(std::function<void()> tell)
    : tell_{std::move(tell)},
      news_{check("eventfd", [] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); })},
      owner_{getpid()} {}

void ready_report::operator()() {
    if (missing_ <= 0) return; // a thread or a process that takes the place of another one
    if (getpid() == owner_) return count(1);
    const eventfd_t one = 1;
    eventfd_write(news_.get(), one);
}

void ready_report::collect() {
    eventfd_t workers = 0;
    if (news_ && eventfd_read(news_.get(), &workers) == 0) count(static_cast<int>(workers));
}

void ready_report::count(int workers) {
    const int before = missing_.fetch_sub(workers);
    if (before <= 0 || before > workers) return;
    news_.reset();
    tell_();
}

} // namespace parley
