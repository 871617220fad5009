#include "server/metrics/exposition.hpp"

#include "common/duration.hpp"
#include "common/escaped.hpp"

#include <fmt/format.h>
#include <iterator>
#include <string_view>

namespace parley {

namespace {

/// Returns `text` as it must be written between the quotes of a label.
std::string label(std::string_view text) {
    std::string value;
    for (const char byte : escaped(text)) {
        if (byte == '"' || byte == '\\') value += '\\';
        value += byte;
    }
    return value;
}

class exposition {
public:
    /// Starts a metric; its samples follow.
    void metric(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        fmt::format_to(end(), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
    }

    template <class Value>
    void sample(std::string_view labels, Value value) {
        fmt::format_to(end(), "{}{} {}\n", name_, labels, value);
    }

    /// Adds a metric with one sample.
    template <class Value>
    void single(std::string_view name, std::string_view type, std::string_view help, Value value) {
        metric(name, type, help);
        sample("", value);
    }

    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    std::back_insert_iterator<std::string> end() { return std::back_inserter(text_); }

    std::string text_;
    std::string name_;
};

struct counter {
    std::string_view name, help;
    std::uint64_t tally::*value;
};
constexpr counter counters[] = {
    {"connections_total", "Connections begun", &tally::connections},
    {"requests_total", "Requests answered", &tally::requests},
    {"bytes_received_total", "Bytes received from clients", &tally::bytes_in},
    {"bytes_sent_total", "Bytes sent to clients", &tally::bytes_out},
};

} // namespace

std::string metrics_of(const server_description& server, const scoreboard_snapshot& now) {
    exposition out;
    out.metric("parley_info", "gauge", "What runs, in its labels.");
    out.sample(fmt::format(R"({{model="{}",service="{}",version="{}"}})", label(server.model),
                           label(server.service), label(server.version)),
               1);
    out.single("parley_uptime_seconds", "gauge", "Time since the server began to listen.",
               in_seconds(now.uptime));
    out.single("parley_stopping", "gauge", "1 once the server was asked to stop.", now.stopping ? 1 : 0);
    out.single("parley_cpu_seconds_total", "counter", "Processor time of all of the server's processes.",
               in_seconds(now.cpu_time));
    out.single("parley_connections_open", "gauge", "Connections served now.", now.open);

    out.metric("parley_workers", "gauge", "Workers by what they do now.");
    for (const auto activity : all_activities)
        out.sample(fmt::format(R"({{state="{}"}})", name_of(activity)), now.count(activity));

    for (const auto& counter : counters)
        out.single(fmt::format("parley_{}", counter.name), "counter", fmt::format("{}.", counter.help),
                   now.all.*counter.value);

    for (const auto& counter : counters) {
        const auto name = fmt::format("parley_worker_{}", counter.name);
        out.metric(name, "counter",
                   fmt::format("{}, by worker (the first {}).", counter.help, max_single_workers));
        for (const auto& worker : now.workers)
            if (worker.process != 0 && worker.number <= max_single_workers)
                out.sample(fmt::format(R"({{worker="{}"}})", worker.number), worker.counted.*counter.value);
    }
    return out.take();
}

} // namespace parley
