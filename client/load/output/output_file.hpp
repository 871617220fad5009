// Where the results of a load go: a file, standard output ("-"), or nowhere. A failure to write is kept, and
// said at the end: it must not take the load, nor the other results, along.
#pragma once

#include "common/unique_fd.hpp"

#include <span>
#include <string>
#include <string_view>

namespace parley {

/// What both kinds have in common.
class output_place {
public:
    [[nodiscard]] bool to_standard_output() const { return name_ == "-"; }
    [[nodiscard]] explicit operator bool() const { return !name_.empty(); }

    /// Why something could not be written; empty: nothing went wrong. For standard output that says
    /// finish_output().
    [[nodiscard]] const std::string& failure() const { return failure_; }

protected:
    /// A name that leads to standard output, as /dev/stdout does, is as "-".
    explicit output_place(const std::string& name);
    void failed(int error);
    template <class Open>
    void open(Open call);

    std::string name_;
    std::string failure_;
};

/// A table or a log, which grows while the load runs.
class growing_output : public output_place {
public:
    /// Opens it at once, so that a bad name is known before the load runs; empty: nowhere. What an earlier run
    /// has left there stays until the first write. Throws std::runtime_error that names it.
    explicit growing_output(const std::string& name);

    /// Appends. Does nothing after a failure. Returns false if its reader has gone.
    bool write(std::string_view text);

private:
    void drop_earlier();

    unique_fd file_;
    bool has_earlier_ = true;
    bool reader_has_gone_ = false;
};

/// A report, which is there as a whole or not at all.
class whole_output : public output_place {
public:
    /// Looks whether it can be written; see check_replaceable().
    explicit whole_output(const std::string& name);

    /// Replaces what is there. Standard output, a pipe and a device get the last text in finish(), once: what
    /// is written there cannot be replaced, and a pipe's reader leaves after the first.
    void save(std::string text);
    void finish();

private:
    void write_held();

    std::string held_; ///< for finish()
    bool can_be_replaced_ = true;
};

/// Throws std::invalid_argument if two of `names` are of one place; empty ones are none.
void refuse_shared_places(std::span<const std::string> names);

} // namespace parley
