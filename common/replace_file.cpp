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
    const temporary_file probe{target_of(name)};
}

void replace_file(const std::string& name, std::string_view text) {
    const auto status = status_of(name);
    if (status && !S_ISREG(status->st_mode)) return write_in_place(name, text);
    const auto target = target_of(name);
    temporary_file next{target};
    write_all(next.file.get(), text, name);
    fchmod(next.file.get(), status ? status->st_mode & 07777 : new_file_mode());
    check("fdatasync", name, [&] { return fdatasync(next.file.get()); });
    check("rename", name, [&] { return std::rename(next.name.c_str(), target.c_str()); });
    next.is_renamed = true;
}

bool is_same_file(const std::string& one, const std::string& other) {
    const auto first = status_of(one), second = status_of(other);
    if (!first && !second) return target_of(one) == target_of(other);
    if (!first || !second || first->st_dev != second->st_dev || first->st_ino != second->st_ino) return false;
    const auto null = status_of("/dev/null");
    return !null || first->st_rdev != null->st_rdev || S_ISREG(first->st_mode);
}

} // namespace parley
