// The test's side of the injector: arms what shall go wrong in a server, and tells what was called.
#pragma once

#include "common/check.hpp"
#include "common/unique_fd.hpp"
#include "tests/faults/fault_table.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <limits>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace parley {

class fault_injection {
public:
    static constexpr std::uint64_t for_ever = std::numeric_limits<std::uint64_t>::max();

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

    /// From the `first` such call on, counted from now, `count` of them fail with `error`.
    void fail(faults::call which, int error, std::uint64_t first = 1, std::uint64_t count = 1) {
        arm(which, error, 0, first, count);
    }

    /// From now on, such calls carry at most `most` bytes, or, where it is negative, so many fewer than asked.
    void shorten(faults::call which, std::int64_t most) { arm(which, 0, most, 1, for_ever); }

    /// Nothing goes wrong any more.
    void clear() const {
        for (auto& each : *table_) each.first = 0;
    }

    /// Since it was armed, or since the server began: how often it was called, and went wrong.
    [[nodiscard]] std::uint64_t seen(faults::call which) const { return at(which).seen; }
    [[nodiscard]] std::uint64_t wrong(faults::call which) const { return at(which).wrong; }

    /// All calls of all kinds but operator new: that is none of the system's.
    [[nodiscard]] std::uint64_t system_calls() const {
        std::uint64_t sum = 0;
        for (std::size_t each = 0; each != static_cast<std::size_t>(faults::call::operator_new); ++each)
            sum += (*table_)[each].seen;
        return sum;
    }

    /// Has what `start()` starts run with the injector, and returns its result.
    template <class Start>
    auto into(Start start) const {
        const preloaded now{file_.get()};
        return start();
    }

private:
    /// The environment that a server is started in. AddressSanitizer wants to be the first library: here it is
    /// the second.
    class preloaded {
    public:
        explicit preloaded(int file) {
            const char* const given = std::getenv("ASAN_OPTIONS");
            sanitizer_ = given ? given : "";
            setenv("ASAN_OPTIONS", (sanitizer_ + ":verify_asan_link_order=0").c_str(), 1);
            setenv(faults::variable, fmt::format("/proc/{}/fd/{}", getpid(), file).c_str(), 1);
            setenv("LD_PRELOAD", PARLEY_INJECTOR, 1);
        }
        preloaded(const preloaded&) = delete;
        preloaded& operator=(const preloaded&) = delete;
        ~preloaded() {
            unsetenv("LD_PRELOAD");
            unsetenv(faults::variable);
            setenv("ASAN_OPTIONS", sanitizer_.c_str(), 1);
        }

    private:
        std::string sanitizer_;
    };

    [[nodiscard]] faults::rule& at(faults::call which) const {
        return (*table_)[static_cast<std::size_t>(which)];
    }

    void arm(faults::call which, int error, std::int64_t most, std::uint64_t first, std::uint64_t count) {
        auto& rule = at(which);
        rule.first = 0;
        rule.error = error;
        rule.most = most;
        rule.count = count;
        rule.seen = 0;
        rule.wrong = 0;
        rule.first = first;
    }

    unique_fd file_;
    faults::table* table_ = nullptr;
};

} // namespace parley
