#include "client/load/output/output_file.hpp"

#include "common/check.hpp"
#include "common/output.hpp"
#include "common/replace_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace parley {

output_place::output_place(const std::string& name) : name_{is_standard_output(name) ? "-" : name} {}

void output_place::failed(int error) {
    if (failure_.empty()) failure_ = fmt::format("cannot write {}: {}", name_, std::strerror(error));
}

/// Before the load nothing is lost yet: then it does not begin.
template <class Open>
void output_place::open(Open call) {
    try {
        call();
    } catch (const std::system_error& error) {
        failed(error.code().value());
        throw std::runtime_error(failure_);
    }
}

growing_output::growing_output(const std::string& name) : output_place{name} {
    if (name.empty() || to_standard_output()) return;
    open([&] {
        const auto create = [&] { return ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666); };
        file_ = unique_fd{check("open", name, create)};
    });
}

void growing_output::drop_earlier() {
    if (!std::exchange(has_earlier_, false)) return;
    if (ftruncate(file_.get(), 0) != 0 && errno != EINVAL) failed(errno); // EINVAL: a pipe or a device
}

bool growing_output::write(std::string_view text) {
    if (to_standard_output()) {
        write_result(text);
        return flush_results(); // a program that reads along wants each row when it is written
    }
    if (file_) drop_earlier();
    while (file_ && failure_.empty() && !text.empty()) {
        const auto count = ::write(file_.get(), text.data(), text.size());
        if (count >= 0)
            text.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR) {
            reader_has_gone_ = errno == EPIPE;
            failed(errno);
        }
    }
    return !reader_has_gone_;
}

whole_output::whole_output(const std::string& name) : output_place{name} {
    if (!name.empty() && !to_standard_output()) open([&] { check_replaceable(name); });
    can_be_replaced_ = !to_standard_output() && can_be_replaced(name);
}

void whole_output::save(std::string text) {
    if (name_.empty()) return;
    held_ = std::move(text);
    if (can_be_replaced_) write_held();
}

void whole_output::write_held() {
    try {
        replace_file(name_, std::exchange(held_, {}));
        failure_.clear();
    } catch (const std::system_error& error) {
        failed(error.code().value());
    }
}

void whole_output::finish() {
    if (held_.empty()) return;
    to_standard_output() ? write_result(std::exchange(held_, {})) : write_held();
}

void refuse_shared_places(std::span<const std::string> names) {
    const auto file_of = [](const std::string& name) { return name == "-" ? "/dev/stdout" : name; };
    for (std::size_t first = 0; first != names.size(); ++first)
        for (std::size_t second = first + 1; second != names.size(); ++second) {
            const auto &one = names[first], &other = names[second];
            if (one.empty() || other.empty()) continue;
            if ((one == "-" && other == "-") || is_same_file(file_of(one), file_of(other)))
                throw std::invalid_argument(fmt::format(
                    "two results would go to one place ('{}' and '{}'): name another file", one, other));
        }
}

} // namespace parley
