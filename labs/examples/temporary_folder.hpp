// A new folder for the files of an example, which is removed at the end. Python: tempfile.TemporaryDirectory.
#pragma once

#include "common/check.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace parley {

class temporary_folder {
public:
    /// Makes the folder (mkdtemp(3)) in TMPDIR, or in /tmp, and enters it: relative paths then mean files in
    /// this folder. Throws std::system_error.
    temporary_folder() {
        auto name = (std::filesystem::temp_directory_path() / "parley-example-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw_errno("mkdtemp", name);
        path_ = name;
        std::filesystem::current_path(path_);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    /// Leaves the folder and removes it with all that is in it.
    ~temporary_folder() {
        std::error_code ignored; // a destructor must not throw
        std::filesystem::current_path(before_, ignored);
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path before_ = std::filesystem::current_path();
    std::filesystem::path path_;
};

} // namespace parley
