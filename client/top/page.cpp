#include "client/top/page.hpp"

#include "common/duration.hpp"
#include "common/escaped.hpp"
#include "common/human_numbers.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>

namespace parley {

namespace {

std::string title_of(const server_description& server, const scoreboard_snapshot& now) {
    auto text = fmt::format("parley-server {}: model {}, service {}, up {}", server.process,
                            escaped(server.model), escaped(server.service), format_short_time(now.uptime));
    if (now.stopping) text += fmt::format(", stopping for {}", format_short_time(*now.stopping));
    return text;
}

std::string listeners_of(const server_description& server) {
    std::string text = "on";
    for (const auto& address : server.addresses) text += ' ' + escaped(address);
    return text;
}

/// Returns a line of the totals of all workers.
template <class... Cells>
std::string sums(std::string_view name, const Cells&... cells) {
    return fmt::format("{:<8}", name) + (fmt::format("{:>12}", cells) + ...);
}

/// Appends the letters of all workers in lines of `width`. If they do not fit, the last line counts the rest.
void add_letters(std::vector<std::string>& lines, const scoreboard_snapshot& now, std::size_t width,
                 std::size_t rows) {
    std::string letters;
    for (const auto& worker : now.workers) letters += letter_of(worker.now);
    if (const auto capacity = width * rows; letters.size() > capacity) {
        constexpr std::size_t note = 12; // length of " +NNNNN more"
        const auto shown = capacity - std::min(note, capacity);
        letters = fmt::format("{} +{} more", letters.substr(0, shown), letters.size() - shown);
    }
    for (std::size_t begin = 0; begin < letters.size(); begin += width)
        lines.push_back(letters.substr(begin, width));
}

/// Returns the number of workers per state. It is also the legend of the letters.
std::string states_of(const scoreboard_snapshot& now) {
    std::string text;
    std::size_t in_use = 0;
    const auto add = [&](activity activity) {
        const auto count = now.count(activity);
        if (count > 0) text += fmt::format("   {} {} {}", letter_of(activity), name_of(activity), count);
        return count;
    };
    for (const auto activity : all_activities) in_use += add(activity);
    add(activity::none);
    return fmt::format("{} worker{}{}", in_use, in_use == 1 ? "" : "s", text);
}

constexpr std::size_t process_column = 2, thread_column = 3;
constexpr int hidden = -1;

int digits(pid_t number) { return static_cast<int>(std::to_string(number).size()); }

} // namespace

page::page(const server_description& server, const observation& observation, std::size_t width)
    : server_{server}, observation_{observation}, width_{width} {
    constexpr std::size_t wide = 100;
    bool processes_differ = width >= wide, threads_differ = width >= wide;
    for (const auto& worker : observation.now().workers) {
        if (!worker.in_use()) continue;
        in_use_.push_back(&worker);
        widths_[process_column] = std::max(widths_[process_column], digits(worker.process));
        widths_[thread_column] = std::max(widths_[thread_column], digits(worker.thread));
        processes_differ |= worker.process != server.process;
        threads_differ |= worker.thread != worker.process;
    }
    if (!processes_differ) widths_[process_column] = hidden;
    if (!threads_differ) widths_[thread_column] = hidden;
}

std::vector<std::string> page::head(std::size_t letter_rows) const {
    const auto& now = observation_.now();
    const auto rate = observation_.all();
    std::vector<std::string> lines{
        title_of(server_, now),
        listeners_of(server_),
        sums("", "connections", "open", "requests", "bytes in", "bytes out", "processors"),
        sums("total", format_short_count(now.all.connections), format_short_count(now.open),
             format_short_count(now.all.requests), format_short_count(now.all.bytes_in),
             format_short_count(now.all.bytes_out), fmt::format("{:.1f}s", in_seconds(now.cpu_time))),
        sums(observation_.since_beginning() ? "mean/s" : "now/s", format_short_rate(rate.connections), "",
             format_short_rate(rate.requests), format_short_rate(rate.bytes_in),
             format_short_rate(rate.bytes_out), fmt::format("{:.2f}", observation_.processors())),
        "",
        states_of(now)};
    add_letters(lines, now, width_, letter_rows);
    return lines;
}

std::string page::row(const cells& values) const {
    std::string text;
    for (std::size_t i = 0; i < columns; ++i)
        if (widths_[i] != hidden)
            fmt::format_to(std::back_inserter(text), "{}{:>{}}", i == 0 ? "" : " ", values[i], widths_[i]);
    return text;
}

std::string page::heading() const {
    return row({"no", "", "pid", "tid", "open", "conns", "reqs", "req/s", "in/s", "out/s", "since", "peer"});
}

std::string page::line(std::size_t index) const {
    const auto& worker = *in_use_[index];
    const auto& counted = worker.counted;
    const auto rate = observation_.of(worker);
    return row({std::to_string(worker.number),
                {letter_of(worker.now)},
                std::to_string(worker.process),
                std::to_string(worker.thread),
                format_short_count(worker.open),
                format_short_count(counted.connections),
                format_short_count(counted.requests),
                format_short_rate(rate.requests),
                format_short_rate(rate.bytes_in),
                format_short_rate(rate.bytes_out),
                counted.connections > 0 ? format_short_time(worker.since) : "-",
                counted.connections > 0 ? escaped(worker.peer.to_string()) : "-"});
}

} // namespace parley
