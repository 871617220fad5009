#include "common/replace_file.hpp"

#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace parley {

namespace {

std::optional<struct stat> status_of(const std::string& name) {
    struct stat status {};
    if (::stat(name.c_str(), &status) != 0) return std::nullopt;
    return status;
}

/// /dev/null is no place: it holds any number of results.
bool is_one(const struct stat& first, const struct stat& second) {
    if (first.st_dev != second.st_dev || first.st_ino != second.st_ino) return false;
    const auto null = status_of("/dev/null");
    return !null || first.st_rdev != null->st_rdev || S_ISREG(first.st_mode);
}

bool leads_to(int descriptor, const std::string& name) {
    struct stat open {};
    const auto file = status_of(name);
    return file && fstat(descriptor, &open) == 0 && is_one(*file, open);
}

void write_all(int file, std::string_view text, const std::string& name) {
    while (!text.empty()) {
        const auto count = check("write", name, [&] { return ::write(file, text.data(), text.size()); });
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

void write_in_place(const std::string& name, std::string_view text) {
    const unique_fd file{
        check("open", name, [&] { return ::open(name.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC); })};
    write_all(file.get(), text, name);
}

/// The file itself, if `name` is a symbolic link to one that may not be there yet.
std::filesystem::path target_of(const std::string& name) {
    std::error_code none;
    auto target = std::filesystem::weakly_canonical(name, none);
    return none ? std::filesystem::path{name} : target;
}

/// True if the file can be written, but no other can be put in its place: in a folder of another user, on a
/// read-only file system, or where another file is mounted on it.
bool can_only_be_written(int error, const std::string& name) {
    const bool is_refused = error == EACCES || error == EPERM || error == EROFS || error == EBUSY;
    return is_refused && ::access(name.c_str(), W_OK) == 0;
}

mode_t new_file_mode() {
    const auto mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/// Removes the temporary file unless it has been renamed.
struct temporary_file {
    std::string name;
    unique_fd file;
    bool is_renamed = false;

    explicit temporary_file(const std::filesystem::path& beside) : name{beside.string() + ".XXXXXX"} {
        file = unique_fd{check("open", beside.string(), [&] { return mkostemp(name.data(), O_CLOEXEC); })};
    }
    ~temporary_file() {
        if (!is_renamed) ::unlink(name.c_str());
    }
    temporary_file(temporary_file&&) = delete;
};

} // namespace

void check_replaceable(const std::string& name) {
    if (const auto status = status_of(name); status && !S_ISREG(status->st_mode)) {
        if (S_ISDIR(status->st_mode)) {
            errno = EISDIR;
            throw_errno("open", name);
        }
        check("open", name, [&] { return ::access(name.c_str(), W_OK); });
        return;
    }
    try {
        const temporary_file probe{target_of(name)};
    } catch (const std::system_error& error) {
        if (!can_only_be_written(error.code().value(), name)) throw;
    }
}

bool can_be_replaced(const std::string& name) {
    const auto status = status_of(name);
    return !is_standard_output(name) && (!status || S_ISREG(status->st_mode));
}

void replace_file(const std::string& name, std::string_view text) {
    const auto status = status_of(name);
    if (leads_to(STDERR_FILENO, name)) return write_all(STDERR_FILENO, text, name); // among the messages
    if (status && !S_ISREG(status->st_mode)) return write_in_place(name, text);
    const auto target = target_of(name);
    try {
        temporary_file next{target};
        write_all(next.file.get(), text, name);
        fchmod(next.file.get(), status ? status->st_mode & 07777 : new_file_mode());
        check("fdatasync", name, [&] { return fdatasync(next.file.get()); });
        check("rename", name, [&] { return std::rename(next.name.c_str(), target.c_str()); });
        next.is_renamed = true;
    } catch (const std::system_error& error) {
        if (!can_only_be_written(error.code().value(), name)) throw;
        write_in_place(name, text);
    }
}

bool is_standard_output(const std::string& name) {
    // By name, too: a closed standard output has become /dev/null, which is no place.
    for (const auto* each : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
        if (name == each) return true;
    return leads_to(STDOUT_FILENO, name);
}

bool is_same_file(const std::string& one, const std::string& other) {
    const auto first = status_of(one), second = status_of(other);
    if (!first && !second) return target_of(one) == target_of(other);
    return first && second && is_one(*first, *second);
}

} // namespace parley
