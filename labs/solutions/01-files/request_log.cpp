// A log of requests that survives a kill. An entry that was acknowledged is in the file, whatever happens to
// the program; the totals are a file that is whole at every moment. See open(2), write(2), fsync(2), rename(2).
#include "common/check.hpp"
#include "common/unique_fd.hpp"
#include "entry.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>

using parley::check;
using parley::unique_fd;

namespace {

void write_all(int file, std::string_view text, const std::string& name) {
    while (!text.empty()) { // write(2) may take a part, for example if the disk is nearly full
        const auto count = check("write", name, [&] { return ::write(file, text.data(), text.size()); });
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

class request_log {
public:
    /// Reads the log. An incomplete last line, of a program that was killed, is no entry.
    explicit request_log(std::string folder) : folder_{std::move(folder)} {
        std::ifstream file{log_name(), std::ios::binary};
        const std::string text{std::istreambuf_iterator<char>{file}, {}};
        std::size_t begin = 0;
        for (std::size_t end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
            const auto entry = from_line(text.substr(begin, end - begin));
            if (!entry)
                throw std::runtime_error(log_name() + ": line " + std::to_string(count_ + 1) +
                                         " is damaged; remove or mend it");
            ++totals_[entry->name];
            ++count_;
        }
        whole_size_ = begin;
        has_half_line_ = begin != text.size();
    }

    /// Opens the log for new entries, and removes an incomplete last line.
    void open_for_writing() {
        // O_APPEND: the kernel finds the end for each write(2), so two programs never overwrite each other.
        file_ = unique_fd{check("open", log_name(), [&] {
            return ::open(log_name().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        })};
        if (has_half_line_)
            check("ftruncate", log_name(),
                  [&] { return ftruncate(file_.get(), static_cast<off_t>(whole_size_)); });
    }

    /// Adds an entry, and returns its number when it is in the file.
    std::uint64_t add(const std::string& name) {
        // The whole line by one call: lines of two programs do not mix.
        write_all(file_.get(), to_line({count_ + 1, name}), log_name());
        ++totals_[name];
        return ++count_;
    }

    /// Replaces totals.json: a reader finds the old file or the new one, and never a part.
    void write_totals() {
        const auto name = folder_ + "/totals.json";
        const auto temporary = name + "." + std::to_string(getpid());
        {
            const unique_fd file{check("open", temporary, [&] {
                return ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
            })};
            try {
                write_all(file.get(), to_json(totals_), temporary);
            } catch (...) {
                ::unlink(temporary.c_str());
                throw;
            }
            // The contents before the name: after a power failure the new name must not lead to an empty file.
            check("fsync", temporary, [&] { return fsync(file.get()); });
        }
        check("rename", name, [&] { return ::rename(temporary.c_str(), name.c_str()); });
        const unique_fd folder{check(
            "open", folder_, [&] { return ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
        check("fsync", folder_, [&] { return fsync(folder.get()); });
    }

    void sync() {
        check("fsync", log_name(), [&] { return fsync(file_.get()); });
    }

    [[nodiscard]] const std::map<std::string, std::uint64_t>& totals() const { return totals_; }

private:
    [[nodiscard]] std::string log_name() const { return folder_ + "/requests.jsonl"; }

    std::string folder_;
    unique_fd file_;
    std::map<std::string, std::uint64_t> totals_;
    std::uint64_t count_ = 0;
    std::size_t whole_size_ = 0;
    bool has_half_line_ = false;
};

/// Reads names from standard input, one per line, and acknowledges each.
void record(const std::string& folder) {
    signal(SIGXFSZ, SIG_IGN); // a file that is too large is an error of write(2), EFBIG, not the end
    request_log log{folder};
    log.open_for_writing();
    std::uint64_t number = 0;
    for (std::string name; std::getline(std::cin, name);) {
        number = log.add(name);
        std::printf("ok %ju\n", static_cast<std::uintmax_t>(number));
        std::fflush(stdout);
        if (number % 10 == 0) log.write_totals();
    }
    log.sync();
    log.write_totals();
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    const std::string_view command = argument_count == 3 ? arguments[2] : "";
    if (command == "record") {
        record(arguments[1]);
    } else if (command == "totals") {
        const request_log log{arguments[1]}; // named: the loop must not outlive it
        for (const auto& [name, count] : log.totals()) std::cout << count << ' ' << name << '\n';
    } else {
        std::fprintf(stderr, "usage: request_log FOLDER record|totals\n");
        return 2;
    }
} catch (const std::exception& error) {
    std::fprintf(stderr, "request_log: %s\n", error.what());
    return 1;
}
