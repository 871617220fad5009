// Destinations of results: a file, standard output ("-"), or none. A write error is stored and reported at the
// end, so that it does not abort the load or the other outputs.
#pragma once

#include "common/unique_fd.hpp"

#include <span>
#include <string>
#include <string_view>

namespace parley {

/// The common part of both kinds of destination.
class output_destination {
public:
    [[nodiscard]] bool to_standard_output() const { return name_ == "-"; }
    [[nodiscard]] explicit operator bool() const { return !name_.empty(); }

    /// Returns the first write error; empty if there was none. finish_output() reports those of standard
    /// output.
    [[nodiscard]] const std::string& failure() const { return failure_; }

protected:
    /// A name that leads to standard output, such as /dev/stdout, is treated like "-".
    explicit output_destination(const std::string& name);
    void store_error(int error);
    template <class Open>
    void open(Open call);

    std::string name_;
    std::string failure_;
};

/// A table or a log that grows while the load runs.
class growing_output : public output_destination {
public:
    /// Opens the file at once, so that a wrong name is found before the load runs. An empty name means no
    /// output. The content of an earlier run stays until the first write. Throws std::runtime_error that names
    /// the file.
    explicit growing_output(const std::string& name);

    /// Appends text. Does nothing after an error. Returns false if the reader of the pipe has closed it.
    bool write(std::string_view text);

private:
    void truncate_once();

    unique_fd file_;
    bool is_truncated_ = false;
    bool is_pipe_closed_ = false;
};

/// A report that is written completely or not at all.
class whole_output : public output_destination {
public:
    /// Throws std::runtime_error if the file cannot be written; see check_replaceable().
    explicit whole_output(const std::string& name);

    /// Replaces the content of the file. Standard output, pipes and devices cannot be replaced: they get only
    /// the last text, in finish().
    void save(std::string text);
    void finish();

private:
    void write_pending();

    std::string pending_; // for finish()
    bool is_replaceable_ = true;
};

/// Throws std::invalid_argument if two of `names` are the same file. Empty names are ignored.
void check_distinct(std::span<const std::string> names);

} // namespace parley
