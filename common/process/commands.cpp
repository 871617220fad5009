#include "common/process/commands.hpp"

#include <deque>
#include <utility>

namespace parley {

namespace {

std::string describe(const command_words& command, const process_end& end) {
    std::string text;
    for (const auto& word : command) text += (text.empty() ? "" : " ") + word;
    return text + ": " + end.to_string();
}

void check_end(const command_words& command, const process_end& end) {
    if (end.exit_code() != 0) throw called_process_error{command, end};
}

} // namespace

called_process_error::called_process_error(command_words words, const process_end& end)
    : std::runtime_error{describe(words, end)}, command_{std::move(words)}, end_{end} {}

process_end call(const command_words& command, const standard_streams& streams) {
    subprocess program{command, streams};
    program.communicate();
    return *program.poll();
}

void check_call(const command_words& command, const standard_streams& streams) {
    check_end(command, call(command, streams));
}

std::string check_output(const command_words& command, std::string_view input, const redirection& errors) {
    subprocess program{command, {redirection::pipe(), redirection::pipe(), errors}};
    auto written = program.communicate(input);
    check_end(command, *program.poll());
    return std::move(written->output);
}

pipeline_result run_pipeline(const std::vector<command_words>& commands, std::string_view input) {
    std::deque<subprocess> programs;
    std::vector<subprocess*> pointers;
    for (const auto& command : commands) {
        unique_fd link; // closed here once the program has it, so that it sees the end of its input
        standard_streams streams;
        if (programs.empty()) {
            streams.input = redirection::pipe();
        } else {
            link = programs.back().take_output();
            streams.input = redirection::descriptor(link.get());
        }
        pointers.push_back(&programs.emplace_back(command, streams));
    }
    if (programs.empty()) throw std::invalid_argument("a pipeline needs at least one program");
    programs.front().write(input);
    programs.front().close_input();
    subprocess::wait_for_all(pointers);
    pipeline_result result{programs.back().rest_of_output(), {}};
    for (auto& program : programs) result.ends.push_back(*program.poll());
    return result;
}

} // namespace parley
