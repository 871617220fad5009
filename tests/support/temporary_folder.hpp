// A temporary folder that is removed with its content at scope end.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <stdlib.h>
#include <string>

namespace parley {

class temporary_folder {
public:
    temporary_folder() {
        if (!mkdtemp(path_.data())) throw std::runtime_error("no folder could be made in /tmp");
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + '/' + name; }

private:
    std::string path_ = "/tmp/parley-test-XXXXXX";
};

} // namespace parley
