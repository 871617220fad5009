#include "client/compare/host/programs.hpp"

#include "common/process/subprocess.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <memory>
#include <openssl/evp.h>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace parley {

namespace {

std::vector<std::filesystem::path> folders() {
    std::vector<std::filesystem::path> paths{std::filesystem::read_symlink("/proc/self/exe").parent_path()};
    const char* path = std::getenv("PATH");
    std::istringstream rest{path ? path : ""};
    for (std::string folder; std::getline(rest, folder, ':');) paths.emplace_back(folder);
    return paths;
}

bool can_run(const std::string& program) { return access(program.c_str(), X_OK) == 0; }

} // namespace

std::string program_at(const std::string& path, const std::string& name, const std::string& option) {
    if (!path.empty()) {
        if (can_run(path)) return std::filesystem::absolute(path);
        throw std::invalid_argument(fmt::format("{} {}: {}", option, path, std::strerror(errno)));
    }
    for (const auto& folder : folders()) {
        const auto program = folder / name;
        if (can_run(program)) return program;
    }
    throw std::invalid_argument(fmt::format("cannot find {}: set its path with {} PATH", name, option));
}

std::string digest_of(const std::string& program) {
    std::ifstream file{program, std::ios::binary};
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
    std::array<char, 65'536> part;
    while (file.read(part.data(), part.size()), file.gcount() > 0)
        EVP_DigestUpdate(digest.get(), part.data(), static_cast<std::size_t>(file.gcount()));
    if (!file.eof()) throw std::runtime_error(fmt::format("cannot read {}: {}", program, std::strerror(errno)));
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
    unsigned size = 0;
    EVP_DigestFinal_ex(digest.get(), bytes.data(), &size);
    return fmt::format("{:02x}", fmt::join(bytes.begin(), bytes.begin() + size, ""));
}

std::vector<std::string> lines_of(const std::string& program, const std::string& argument) {
    subprocess process{{program, argument}, subprocess::errors::kept};
    const auto end = process.wait(std::chrono::seconds{10});
    if (!end || end->exit_code() != 0)
        throw std::runtime_error(
            fmt::format("{} {}: {}", program, argument, end ? end->to_string() : "did not end within 10 s"));
    std::vector<std::string> lines;
    std::istringstream text{process.rest_of_output()};
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

} // namespace parley
