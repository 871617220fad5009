// Folder of a run: plan.json from the start, a line in cells.jsonl for each measurement as soon as it is made,
// and result.json and report.html at the end. So an interrupted run can be continued.
#pragma once

#include "client/compare/measure/results_json.hpp"
#include "common/unique_fd.hpp"

#include <filesystem>
#include <string>

namespace parley {

class run_folder {
public:
    /// Creates the folder with the plan. Throws std::invalid_argument if it contains a run already.
    static run_folder create(const std::filesystem::path& path, const results& results);

    /// Opens the folder of an existing run. Throws std::invalid_argument with one line if there is none.
    static run_folder open(const std::filesystem::path& path);

    /// Locks the folder against other parley-compare processes until destruction (flock(2)). create() does
    /// that, too. Throws std::invalid_argument if it is locked.
    void lock();

    /// Returns the plan, the machine and the measurements so far. Ignores an unfinished last line.
    [[nodiscard]] results load() const;

    /// Appends a measurement. It is on the disk on return (fdatasync(2)).
    void add(const plan& plan, const measurement& measurement) const;

    /// Replaces the file `name` atomically (rename(2)).
    void write(const std::string& name, const std::string& text) const;

    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }

private:
    explicit run_folder(std::filesystem::path path) : path_{std::move(path)} {}

    std::filesystem::path path_;
    unique_fd lock_;
};

/// Returns the results in the folder of a run or in a result.json. Throws std::invalid_argument with one line
/// that names the path.
results results_at(const std::filesystem::path& path);

} // namespace parley
