// Where a report, a table or a log goes: a file, standard output ("-"), or nowhere.
#pragma once

#include <fstream>
#include <string>
#include <string_view>

namespace parley {

class output_file {
public:
    /// Opens it at once, so that a bad name is known before the load runs; empty: nowhere. Throws
    /// std::runtime_error that names it, like write().
    explicit output_file(const std::string& name);

    [[nodiscard]] bool to_standard_output() const { return name_ == "-"; }
    [[nodiscard]] explicit operator bool() const { return !name_.empty(); }
    void write(std::string_view text);

private:
    [[noreturn]] void fail() const;

    std::string name_;
    std::ofstream file_;
};

} // namespace parley
