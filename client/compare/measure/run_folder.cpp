#include "client/compare/measure/run_folder.hpp"

#include "client/compare/host/procfs.hpp"
#include "client/compare/plan/plan_json.hpp"
#include "client/conversation/bounded_json.hpp"
#include "common/check.hpp"
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

void write_all(const std::filesystem::path& to, int flags, std::string_view text) {
    const unique_fd file{
        check("open " + to.string(), [&] { return ::open(to.c_str(), flags | O_CLOEXEC, 0644); })};
    while (!text.empty())
        text.remove_prefix(static_cast<std::size_t>(
            check("write " + to.string(), [&] { return ::write(file.get(), text.data(), text.size()); })));
    check("fdatasync " + to.string(), [&] { return ::fdatasync(file.get()); });
}

/// What a crash cut off must not run into the next line.
void cut_unfinished_line(const std::filesystem::path& of) {
    std::ifstream file{of};
    if (!file.seekg(-1, std::ios::end) || file.get() == '\n') return;
    const auto whole_lines = read_file(of).rfind('\n') + 1; // 0: there is none
    check("truncate " + of.string(), [&] { return ::truncate(of.c_str(), static_cast<off_t>(whole_lines)); });
}

} // namespace

run_folder run_folder::create(const std::filesystem::path& at, const results& beginning) {
    std::filesystem::create_directories(at);
    run_folder folder{at};
    folder.lock();
    if (std::filesystem::exists(at / plan_name))
        throw std::invalid_argument(fmt::format(
            "{0} holds a run already: go on with --resume {0}, or name another folder", at.string()));
    json text{
        {"begun", beginning.begun}, {"machine", json_of(beginning.where)}, {"programs", beginning.programs}};
    text.update(json_of(beginning.planned));
    folder.write(plan_name, text.dump(2, ' ', false, json::error_handler_t::replace) + '\n');
    write_all(folder.file(cells_name), O_WRONLY | O_CREAT | O_APPEND, "");
    return folder;
}

run_folder run_folder::open(const std::filesystem::path& at) {
    if (!std::filesystem::exists(at / plan_name))
        throw std::invalid_argument(fmt::format("{} holds no run: there is no {}", at.string(), plan_name));
    return run_folder{at};
}

void run_folder::lock() {
    lock_ = unique_fd{
        check("open " + at_.string(), [&] { return ::open(at_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
    if (flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return;
    if (errno == EWOULDBLOCK)
        throw std::invalid_argument(
            fmt::format("another parley-compare measures into {}: wait for its end", at_.string()));
    throw_errno("flock", at_.string());
}

results run_folder::load() const {
    try {
        auto text = parse_ordered_json(read_file(file(plan_name)));
        results all;
        all.begun = text.at("begun");
        all.where = machine_from(text.at("machine"));
        text.erase("begun");
        text.erase("machine");
        all.programs = text.value("programs", all.programs);
        text.erase("programs");
        all.planned = plan_from(text);
        std::istringstream lines{read_file(file(cells_name))};
        for (std::string line; std::getline(lines, line) && !lines.eof();) {
            auto one = measurement_from(all.planned, parse_ordered_json(line));
            const auto is_there = [&](const measurement& other) {
                return other.where == one.where && other.problem.empty();
            };
            if (one.problem.empty() && std::ranges::any_of(all.done, is_there))
                throw std::invalid_argument(fmt::format("{} has round {} of '{}' under '{}' twice", cells_name,
                                                        one.where.round,
                                                        all.planned.contenders[one.where.contender].name,
                                                        all.planned.workloads[one.where.workload].id));
            all.done.push_back(std::move(one));
        }
        return all;
    } catch (const std::exception& reason) {
        throw std::invalid_argument(fmt::format("{}: {}", at_.string(), reason.what()));
    }
}

void run_folder::add(const plan& all, const measurement& one) const {
    cut_unfinished_line(file(cells_name));
    write_all(file(cells_name), O_WRONLY | O_APPEND,
              json_of(all, one).dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
}

void run_folder::write(const std::string& name, const std::string& text) const {
    replace_file(file(name).string(), text);
}

results results_at(const std::filesystem::path& at) {
    if (std::filesystem::is_directory(at)) return run_folder::open(at).load();
    try {
        return results_from(parse_ordered_json(read_file(at)));
    } catch (const std::exception& reason) {
        throw std::invalid_argument(fmt::format("{}: {}", at.string(), reason.what()));
    }
}

} // namespace parley
