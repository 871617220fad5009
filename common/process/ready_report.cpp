// Counts the workers that are ready; child processes report through an eventfd(2).
#include "common/process/ready_report.hpp"
#include "common/check.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace parley {

ready_report::ready_report(std::function<void()> report)
    : report_{std::move(report)},
      event_{check("eventfd", [] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); })},
      owner_{getpid()} {}

void ready_report::operator()() {
    if (missing_ <= 0) return; // a worker that replaces another one
    if (getpid() == owner_) return count(1);
    const eventfd_t one = 1;
    eventfd_write(event_.get(), one);
}

void ready_report::collect() {
    eventfd_t workers = 0;
    if (event_ && eventfd_read(event_.get(), &workers) == 0) count(static_cast<int>(workers));
}

void ready_report::count(int workers) {
    const int before = missing_.fetch_sub(workers);
    if (before <= 0 || before > workers) return;
    event_.reset();
    report_();
}

} // namespace parley
