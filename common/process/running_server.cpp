// Starts a server and waits for its ready line, which contains the port. So no sleep is needed, and no fixed
// port.
#include "common/process/running_server.hpp"

#include <stdexcept>

namespace parley {

namespace {

std::vector<std::string> command_line(std::string program, std::vector<std::string> arguments,
                                      std::string listen) {
    arguments.insert(arguments.begin(), {std::move(program), "--listen", std::move(listen)});
    return arguments;
}

} // namespace

address ready_address(std::string_view line) {
    constexpr std::string_view prefix = "listening on ";
    if (!line.starts_with(prefix)) throw std::runtime_error("not a ready line: '" + std::string{line} + "'");
    line.remove_prefix(prefix.size());
    return address::resolve(line.substr(0, line.find(" (model "))).front();
}

running_server::running_server(std::string program, std::vector<std::string> arguments,
                               subprocess::errors errors, std::string listen)
    : process_{command_line(std::move(program), std::move(arguments), std::move(listen)), errors},
      ready_line_{process_.read_line(time_limit)},
      endpoint_{ready_address(ready_line_)} {}

running_server::outcome running_server::wait(std::chrono::milliseconds limit) {
    const auto end = process_.wait(limit);
    if (!end)
        throw std::runtime_error(std::string{process_.name()} + " did not end within " +
                                 std::to_string(limit.count()) + " ms");
    return {*end, process_.left_processes(), process_.rest_of_output()};
}

running_server::outcome running_server::stop(std::chrono::milliseconds limit) {
    process_.signal(SIGTERM);
    return wait(limit);
}

} // namespace parley
