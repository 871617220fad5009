#include "client/compare/measure/run_folder.hpp"

#include "client/compare/plan/plan_json.hpp"
#include "client/conversation/bounded_json.hpp"
#include "common/check.hpp"
#include "common/process/procfs.hpp"
#include "common/replace_file.hpp"
#include "common/unique_fd.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>

namespace parley {

namespace {

using json = nlohmann::ordered_json;

constexpr auto plan_name = "plan.json";
constexpr auto cells_name = "cells.jsonl";

void write_all(const std::filesystem::path& path, int flags, std::string_view text) {
    const unique_fd file{
        check("open " + path.string(), [&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); })};
    while (!text.empty())
        text.remove_prefix(static_cast<std::size_t>(
            check("write " + path.string(), [&] { return ::write(file.get(), text.data(), text.size()); })));
    check("fdatasync " + path.string(), [&] { return ::fdatasync(file.get()); });
}

/// Removes a last line that a crash left unfinished, so that the next line does not continue it.
void cut_unfinished_line(const std::filesystem::path& path) {
    std::ifstream file{path};
    if (!file.seekg(-1, std::ios::end) || file.get() == '\n') return;
    const auto whole_lines = read_file(path).rfind('\n') + 1; // 0: no whole line
    check("truncate " + path.string(),
          [&] { return ::truncate(path.c_str(), static_cast<off_t>(whole_lines)); });
}

} // namespace

run_folder run_folder::create(const std::filesystem::path& path, const results& results) {
    std::filesystem::create_directories(path);
    run_folder folder{path};
    folder.lock();
    if (std::filesystem::exists(path / plan_name))
        throw std::invalid_argument(
            fmt::format("{0} contains a run already: continue it with --resume {0}, or choose another folder",
                        path.string()));
    json text{{"begun", results.begun}, {"machine", json_of(results.where)}, {"programs", results.programs}};
    text.update(json_of(results.planned));
    folder.write(plan_name, text.dump(2, ' ', false, json::error_handler_t::replace) + '\n');
    write_all(folder.file(cells_name), O_WRONLY | O_CREAT | O_APPEND, "");
    return folder;
}

run_folder run_folder::open(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path / plan_name))
        throw std::invalid_argument(fmt::format("{} contains no run: {} is missing", path.string(), plan_name));
    return run_folder{path};
}

void run_folder::lock() {
    lock_ = unique_fd{check("open " + path_.string(),
                            [&] { return ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
    if (flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return;
    if (errno == EWOULDBLOCK)
        throw std::invalid_argument(
            fmt::format("another parley-compare uses {}: wait for its end", path_.string()));
    throw_errno("flock", path_.string());
}

results run_folder::load() const {
    try {
        auto object = parse_ordered_json(read_file(file(plan_name)));
        results results;
        results.begun = object.at("begun");
        results.where = machine_from(object.at("machine"));
        results.programs = object.value("programs", results.programs);
        for (const auto* member : {"begun", "machine", "programs"}) object.erase(member);
        results.planned = plan_from(object);
        std::istringstream lines{read_file(file(cells_name))};
        for (std::string line; std::getline(lines, line) && !lines.eof();) {
            auto measurement = measurement_from(results.planned, parse_ordered_json(line));
            const auto& cell = measurement.where;
            const auto is_same = [&](const parley::measurement& earlier) {
                return earlier.where == cell && earlier.problem.empty();
            };
            if (measurement.problem.empty() && std::ranges::any_of(results.done, is_same))
                throw std::invalid_argument(fmt::format("{} has round {} of '{}' under '{}' twice", cells_name,
                                                        cell.round,
                                                        results.planned.contenders[cell.contender].name,
                                                        results.planned.workloads[cell.workload].id));
            results.done.push_back(std::move(measurement));
        }
        return results;
    } catch (const std::exception& error) {
        throw std::invalid_argument(fmt::format("{}: {}", path_.string(), error.what()));
    }
}

void run_folder::add(const plan& plan, const measurement& measurement) const {
    cut_unfinished_line(file(cells_name));
    write_all(file(cells_name), O_WRONLY | O_APPEND,
              json_of(plan, measurement).dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
}

void run_folder::write(const std::string& name, const std::string& text) const {
    replace_file(file(name).string(), text);
}

results results_at(const std::filesystem::path& path) {
    if (std::filesystem::is_directory(path)) return run_folder::open(path).load();
    try {
        return results_from(parse_ordered_json(read_file(path)));
    } catch (const std::exception& error) {
        throw std::invalid_argument(fmt::format("{}: {}", path.string(), error.what()));
    }
}

} // namespace parley
