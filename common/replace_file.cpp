// Writes a temporary file and renames it. Files that cannot be replaced, such as pipes and mount points, are
// written in place.
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

/// True if both are the same file, but false for /dev/null, which any number of results may share.
bool is_same(const struct stat& first, const struct stat& second) {
    if (first.st_dev != second.st_dev || first.st_ino != second.st_ino) return false;
    const auto null = status_of("/dev/null");
    return !null || first.st_rdev != null->st_rdev || S_ISREG(first.st_mode);
}

/// True if `name` refers to the file that is open as `descriptor`.
bool is_open_as(int descriptor, const std::string& name) {
    struct stat open {};
    const auto file = status_of(name);
    return file && fstat(descriptor, &open) == 0 && is_same(*file, open);
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

/// Follows symbolic links. The target need not exist.
std::filesystem::path target_of(const std::string& name) {
    std::error_code error;
    auto target = std::filesystem::weakly_canonical(name, error);
    return error ? std::filesystem::path{name} : target;
}

/// True if creating a file next to `name` failed with `error`, but `name` itself can be written: it is in a
/// folder of another user, in a read-only folder, or a mount point.
bool is_writable_in_place(int error, const std::string& name) {
    const bool is_refused = error == EACCES || error == EPERM || error == EROFS || error == EBUSY;
    return is_refused && ::access(name.c_str(), W_OK) == 0;
}

mode_t new_file_mode() {
    const auto mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/// A temporary file in the same folder, so that rename(2) is possible. The destructor removes it unless it was
/// renamed.
struct temporary_file {
    std::string name;
    unique_fd file;
    bool is_renamed = false;

    explicit temporary_file(const std::filesystem::path& target) : name{target.string() + ".XXXXXX"} {
        file = unique_fd{check("open", target.string(), [&] { return mkostemp(name.data(), O_CLOEXEC); })};
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
        if (!is_writable_in_place(error.code().value(), name)) throw;
    }
}

bool can_be_replaced(const std::string& name) {
    const auto status = status_of(name);
    return !is_standard_output(name) && (!status || S_ISREG(status->st_mode));
}

void replace_file(const std::string& name, std::string_view text) {
    const auto status = status_of(name);
    // Appended to the messages: opening the file would truncate them.
    if (is_open_as(STDERR_FILENO, name)) return write_all(STDERR_FILENO, text, name);
    if (status && !S_ISREG(status->st_mode)) return write_in_place(name, text);
    const auto target = target_of(name);
    try {
        temporary_file temporary{target};
        write_all(temporary.file.get(), text, name);
        fchmod(temporary.file.get(), status ? status->st_mode & 07777 : new_file_mode());
        check("fdatasync", name, [&] { return fdatasync(temporary.file.get()); });
        check("rename", name, [&] { return std::rename(temporary.name.c_str(), target.c_str()); });
        temporary.is_renamed = true;
    } catch (const std::system_error& error) {
        if (!is_writable_in_place(error.code().value(), name)) throw;
        write_in_place(name, text);
    }
}

bool is_standard_output(const std::string& name) {
    // Also by name: a closed standard output was replaced by /dev/null, which is_same() does not accept.
    for (const auto* alias : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
        if (name == alias) return true;
    return is_open_as(STDOUT_FILENO, name);
}

bool is_same_file(const std::string& first, const std::string& second) {
    const auto first_status = status_of(first), second_status = status_of(second);
    if (!first_status && !second_status) return target_of(first) == target_of(second);
    return first_status && second_status && is_same(*first_status, *second_status);
}

} // namespace parley
