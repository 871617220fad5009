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

output_destination::output_destination(const std::string& name)
    : name_{is_standard_output(name) ? "-" : name} {}

void output_destination::store_error(int error) {
    if (failure_.empty()) failure_ = fmt::format("cannot write {}: {}", name_, std::strerror(error));
}

/// Opens a destination before the load. An error then prevents the load, since no result is lost yet.
template <class Open>
void output_destination::open(Open call) {
    try {
        call();
    } catch (const std::system_error& error) {
        store_error(error.code().value());
        throw std::runtime_error(failure_);
    }
}

growing_output::growing_output(const std::string& name) : output_destination{name} {
    if (name.empty() || to_standard_output()) return;
    open([&] {
        const auto create = [&] { return ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666); };
        file_ = unique_fd{check("open", name, create)};
    });
}

void growing_output::truncate_once() {
    if (std::exchange(is_truncated_, true)) return;
    if (ftruncate(file_.get(), 0) != 0 && errno != EINVAL) store_error(errno); // EINVAL: a pipe or a device
}

bool growing_output::write(std::string_view text) {
    if (to_standard_output()) {
        write_result(text);
        return flush_results(); // a program at the other end of a pipe gets each row at once
    }
    if (file_) truncate_once();
    while (file_ && failure_.empty() && !text.empty()) {
        const auto count = ::write(file_.get(), text.data(), text.size());
        if (count >= 0)
            text.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR) {
            is_pipe_closed_ = errno == EPIPE;
            store_error(errno);
        }
    }
    return !is_pipe_closed_;
}

whole_output::whole_output(const std::string& name) : output_destination{name} {
    if (!name.empty() && !to_standard_output()) open([&] { check_replaceable(name); });
    is_replaceable_ = !to_standard_output() && can_be_replaced(name);
}

void whole_output::save(std::string text) {
    if (name_.empty()) return;
    pending_ = std::move(text);
    if (is_replaceable_) write_pending();
}

void whole_output::write_pending() {
    try {
        replace_file(name_, std::exchange(pending_, {}));
        failure_.clear();
    } catch (const std::system_error& error) {
        store_error(error.code().value());
    }
}

void whole_output::finish() {
    if (pending_.empty()) return;
    to_standard_output() ? write_result(std::exchange(pending_, {})) : write_pending();
}

void check_distinct(std::span<const std::string> names) {
    const auto file_of = [](const std::string& name) { return name == "-" ? "/dev/stdout" : name; };
    for (std::size_t first = 0; first != names.size(); ++first)
        for (std::size_t second = first + 1; second != names.size(); ++second) {
            const auto &left = names[first], &right = names[second];
            if (left.empty() || right.empty()) continue;
            if ((left == "-" && right == "-") || is_same_file(file_of(left), file_of(right)))
                throw std::invalid_argument(fmt::format(
                    "two results would go to the same file ('{}' and '{}'): name another file", left, right));
        }
}

} // namespace parley
