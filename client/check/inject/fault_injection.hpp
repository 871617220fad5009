// The other side of fault injection: arms faults in a server, and reports which calls were made.
#pragma once

#include "client/check/inject/fault_table.hpp"
#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <limits>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace parley {

class fault_injection {
public:
    static constexpr std::uint64_t forever = std::numeric_limits<std::uint64_t>::max();

    fault_injection()
        : file_{check("memfd_create", [] { return memfd_create("parley-faults", MFD_CLOEXEC); })} {
        check("ftruncate", [&] { return ftruncate(file_.get(), sizeof *table_); });
        void* const memory = mmap(nullptr, sizeof *table_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
        if (memory == MAP_FAILED) throw_errno("mmap", "the table of faults");
        table_ = static_cast<faults::table*>(memory); // a new file holds zeros
    }
    fault_injection(const fault_injection&) = delete;
    fault_injection& operator=(const fault_injection&) = delete;
    ~fault_injection() { munmap(table_, sizeof *table_); }

    /// Lets `count` calls fail with `error`, from the `first` one from now on.
    void fail(faults::call call, int error, std::uint64_t first = 1, std::uint64_t count = 1) {
        arm(call, error, 0, first, count);
    }

    /// From now on, limits each call to `max_bytes` bytes, or, if `max_bytes` is negative, to that many fewer
    /// than requested.
    void shorten(faults::call call, std::int64_t max_bytes) { arm(call, 0, max_bytes, 1, forever); }

    /// Lets about every second call fail with `error`, if a right program must expect that. It succeeds when it
    /// is tried again.
    void fail_sporadically(faults::call call, int error) { arm(call, error, 0, 1, forever, true); }

    /// Disarms all faults.
    void clear() const {
        for (auto& rule : *table_) rule.first = 0;
    }

    /// Returns how many calls were made, and how many failed, since the fault was armed or the server
    /// started.
    [[nodiscard]] std::uint64_t calls(faults::call call) const { return at(call).call_count; }
    [[nodiscard]] std::uint64_t failures(faults::call call) const { return at(call).failure_count; }

    /// Returns the number of calls of all kinds except operator new, which is no system call.
    [[nodiscard]] std::uint64_t system_calls() const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i != static_cast<std::size_t>(faults::call::operator_new); ++i)
            sum += (*table_)[i].call_count;
        return sum;
    }

    /// Returns the environment, as "NAME=VALUE", of a server with the injector. AddressSanitizer requires to be
    /// the first library, and here it is the second: verify_asan_link_order=0 permits that.
    [[nodiscard]] std::vector<std::string> environment(const std::string& library) const {
        const char* const options = std::getenv("ASAN_OPTIONS");
        return {fmt::format("ASAN_OPTIONS={}:verify_asan_link_order=0", options ? options : ""),
                fmt::format("{}=/proc/{}/fd/{}", faults::variable, getpid(), file_.get()),
                "LD_PRELOAD=" + library};
    }

private:
    [[nodiscard]] faults::rule& at(faults::call call) const {
        return (*table_)[static_cast<std::size_t>(call)];
    }

    void arm(faults::call call, int error, std::int64_t max_bytes, std::uint64_t first, std::uint64_t count,
             bool is_sporadic = false) {
        auto& rule = at(call);
        rule.first = 0;
        rule.error = error;
        rule.max_bytes = max_bytes;
        rule.count = count;
        rule.is_sporadic = is_sporadic;
        rule.call_count = 0;
        rule.failure_count = 0;
        rule.first = first;
    }

    unique_fd file_;
    faults::table* table_ = nullptr;
};

} // namespace parley
