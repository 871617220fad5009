// The folder of a run: plan.json when it begins, a line in cells.jsonl for each measurement as soon as it is
// made, and at the end result.json and report.html. So a run that was cut off can go on.
#pragma once

#include "client/compare/measure/results_json.hpp"
#include "common/unique_fd.hpp"

#include <filesystem>
#include <string>

namespace parley {

class run_folder {
public:
    /// Makes the folder, with the plan in it. Throws std::invalid_argument if there is a run already.
    static run_folder create(const std::filesystem::path& at, const results& beginning);

    /// Of a run that was begun. Throws std::invalid_argument with one line if there is none.
    static run_folder open(const std::filesystem::path& at);

    /// Keeps other programs from measuring into this folder as long as this lives (flock(2)). create() does so.
    /// Throws std::invalid_argument if another one does already.
    void lock();

    /// The plan, the machine that it was begun on, and what is measured. A last line that was cut off is as if
    /// it had never been.
    [[nodiscard]] results load() const;

    /// Is on the disk when this returns (fdatasync(2)).
    void add(const plan& all, const measurement& one) const;

    /// Replaces the file `name` as a whole (rename(2)).
    void write(const std::string& name, const std::string& text) const;

    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return at_ / name; }

private:
    explicit run_folder(std::filesystem::path at) : at_{std::move(at)} {}

    std::filesystem::path at_;
    unique_fd lock_;
};

/// The results in a folder of a run, or in a file like its result.json. Throws std::invalid_argument with one
/// line that names it.
results results_at(const std::filesystem::path& at);

} // namespace parley
