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
    for (const auto& each : server.addresses) text += ' ' + escaped(each);
    return text;
}

/// A line of the sums over all workers.
template <class... Cells>
std::string sums(std::string_view name, const Cells&... cells) {
    return fmt::format("{:<8}", name) + (fmt::format("{:>12}", cells) + ...);
}

/// The letters in their order, cut into lines; what has no room is counted.
void add_letters(std::vector<std::string>& lines, const scoreboard_snapshot& now, std::size_t width,
                 std::size_t rows) {
    std::string letters;
    for (const auto& each : now.workers) letters += letter_of(each.now);
    if (const auto room = width * rows; letters.size() > room) {
        constexpr std::size_t note = 12;
        const auto shown = room - std::min(note, room);
        letters = fmt::format("{} +{} more", letters.substr(0, shown), letters.size() - shown);
    }
    for (std::size_t begin = 0; begin < letters.size(); begin += width)
        lines.push_back(letters.substr(begin, width));
}

/// How many do what, which also says what the letters mean.
std::string states_of(const scoreboard_snapshot& now) {
    std::string text;
    std::size_t in_use = 0;
    const auto add = [&](activity what) {
        const auto count = now.count(what);
        if (count > 0) text += fmt::format("   {} {} {}", letter_of(what), name_of(what), count);
        return count;
    };
    for (const auto each : all_activities) in_use += add(each);
    add(activity::none);
    return fmt::format("{} worker{}{}", in_use, in_use == 1 ? "" : "s", text);
}

constexpr std::size_t process_column = 2, thread_column = 3;
constexpr int hidden = -1;

int digits(pid_t number) { return static_cast<int>(std::to_string(number).size()); }

} // namespace

page::page(const server_description& server, const observation& seen, std::size_t width)
    : server_{server}, seen_{seen}, width_{width} {
    constexpr std::size_t wide = 100;
    bool processes_differ = width >= wide, threads_differ = width >= wide;
    for (const auto& each : seen.now().workers) {
        if (!each.in_use()) continue;
        in_use_.push_back(&each);
        widths_[process_column] = std::max(widths_[process_column], digits(each.process));
        widths_[thread_column] = std::max(widths_[thread_column], digits(each.thread));
        processes_differ |= each.process != server.process;
        threads_differ |= each.thread != each.process;
    }
    if (!processes_differ) widths_[process_column] = hidden;
    if (!threads_differ) widths_[thread_column] = hidden;
}

std::vector<std::string> page::head(std::size_t letter_rows) const {
    const auto& now = seen_.now();
    const auto rate = seen_.all();
    std::vector<std::string> lines{
        title_of(server_, now),
        listeners_of(server_),
        sums("", "connections", "open", "requests", "bytes in", "bytes out", "processors"),
        sums("total", format_short_count(now.all.connections), format_short_count(now.open),
             format_short_count(now.all.requests), format_short_count(now.all.bytes_in),
             format_short_count(now.all.bytes_out), fmt::format("{:.1f}s", in_seconds(now.cpu_time))),
        sums(seen_.since_beginning() ? "mean/s" : "now/s", format_short_rate(rate.connections), "",
             format_short_rate(rate.requests), format_short_rate(rate.bytes_in),
             format_short_rate(rate.bytes_out), fmt::format("{:.2f}", seen_.processors())),
        "",
        states_of(now)};
    add_letters(lines, now, width_, letter_rows);
    return lines;
}

std::string page::row(const cells& all) const {
    std::string text;
    for (std::size_t i = 0; i < columns; ++i)
        if (widths_[i] != hidden)
            fmt::format_to(std::back_inserter(text), "{}{:>{}}", i == 0 ? "" : " ", all[i], widths_[i]);
    return text;
}

std::string page::heading() const {
    return row({"no", "", "pid", "tid", "open", "conns", "reqs", "req/s", "in/s", "out/s", "since", "peer"});
}

std::string page::line(std::size_t index) const {
    const auto& worker = *in_use_[index];
    const auto& counted = worker.counted;
    const auto rate = seen_.of(worker);
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
