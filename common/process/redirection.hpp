// Redirections of a program's standard streams, as a shell does them with <, >, >>, 2>&1 and |.
#pragma once

#include <string>
#include <utility>

namespace parley {

/// Where a program's standard input comes from, or where its output or errors go.
struct redirection {
    enum class kind { parent, null, pipe, file, append, descriptor, output };

    /// The same stream of this process.
    static redirection parent() { return {kind::parent}; }

    /// /dev/null: no input, and output that is dropped.
    static redirection null() { return {kind::null}; }

    /// A pipe to this process: see subprocess.
    static redirection pipe() { return {kind::pipe}; }

    /// A file: read as input; created or replaced as output.
    static redirection file(std::string path) { return {kind::file, std::move(path)}; }

    /// A file that output is added to.
    static redirection append(std::string path) { return {kind::append, std::move(path)}; }

    /// A descriptor of this process, which the caller still owns.
    static redirection descriptor(int number) { return {kind::descriptor, {}, number}; }

    /// For standard error: the same as standard output.
    static redirection to_output() { return {kind::output}; }

    kind type;
    std::string path{};
    int number = -1;
};

struct standard_streams {
    redirection input = redirection::null();
    redirection output = redirection::pipe();
    redirection errors = redirection::parent();
};

} // namespace parley
