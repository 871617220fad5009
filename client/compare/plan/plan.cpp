#include "client/compare/plan/plan.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace parley {

namespace {

/// Models of which a worker serves one connection until it ends, and the option for the number of workers. For
/// hybrid these are the threads, since any of its processes may accept all connections.
const std::map<std::string, std::string> pools{
    {"prefork", "--workers"}, {"pool", "--workers"}, {"hybrid", "--threads"}};

constexpr int most_workers = 256; // a realistic pool; with more connections its cells are empty

template <class Named>
void refuse_duplicates(const std::vector<Named>& values, std::string Named::*name) {
    std::vector<std::string> names;
    for (const auto& value : values) names.push_back(value.*name);
    std::ranges::sort(names);
    if (const auto duplicate = std::ranges::adjacent_find(names); duplicate != names.end())
        throw std::invalid_argument(fmt::format("duplicate name '{}': use unique names", *duplicate));
}

std::string_view first_word_of(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return text.substr(0, text.find(' '));
}

bool is_program(const std::string& word) {
    const auto is_file = [](const std::filesystem::path& path) {
        std::error_code error;
        return std::filesystem::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
    };
    if (word.find('/') != word.npos) return is_file(word);
    const char* path = std::getenv("PATH");
    std::istringstream folders{path ? path : "/usr/bin:/bin"};
    for (std::string folder; std::getline(folders, folder, ':');)
        if (is_file(std::filesystem::path{folder} / word)) return true;
    return false;
}

/// True for "FOO=1", false for "mine=./server" and "A=./server".
bool is_assignment(std::string_view word) {
    const auto equals = word.find('=');
    if (equals == word.npos || equals == 0) return false;
    const auto is_capital = [](char character) {
        return (character >= 'A' && character <= 'Z') || (character >= '0' && character <= '9') ||
               character == '_';
    };
    return std::ranges::all_of(word.substr(0, equals), is_capital) &&
           !is_program(std::string{word.substr(equals + 1)});
}

/// Replaces invalid UTF-8: a file name may have any bytes, JSON is UTF-8.
std::string valid_utf8(const std::string& text) {
    using nlohmann::json;
    return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace));
}

/// Returns the name of a server without NAME: that of the program that gets the port.
std::string program_in(std::string_view command) {
    const auto before_port = command.substr(0, command.find("{port}"));
    const auto separator = before_port.find_last_of(";&|(");
    auto rest = separator == before_port.npos ? command : command.substr(separator + 1);
    auto word = first_word_of(rest);
    while (word == "exec" || word.find('=') != word.npos) {
        rest.remove_prefix(static_cast<std::size_t>(word.data() - rest.data()) + word.size());
        word = first_word_of(rest);
    }
    return std::filesystem::path{word}.filename();
}

} // namespace

std::chrono::milliseconds workload::least_duration() const {
    constexpr int least_waits = 10; // then requests from before the measured time add at most 10 %
    return service == "wait" ? least_waits * wait : std::chrono::milliseconds{0};
}

std::string workload::to_string() const {
    const auto detail = service == "pi"     ? fmt::format(", {} digits", digits)
                        : service == "wait" ? fmt::format(", {} ms", wait.count())
                                            : fmt::format(", {} bytes{}", size, lines ? " and a newline" : "");
    return fmt::format("{}: {}{}, {} connection{}", name, service, detail, connections,
                       connections == 1 ? "" : "s");
}

std::vector<std::string> contender::command_line(const workload& load, const std::string& parley_server) const {
    if (model.empty()) return {"/bin/sh", "-c", command};
    std::vector<std::string> words{parley_server, "--model",     model,     "--service", load.service,
                                   "--listen",    "127.0.0.1:0", "--grace", "1s"};
    auto chosen = options;
    chosen.insert(chosen.end(), load.server_options.begin(), load.server_options.end());
    const auto pool = pools.find(model);
    if (pool != pools.end() && load.per_connection == 0 &&
        std::ranges::find(chosen, pool->second) == chosen.end())
        words.insert(words.end(), {pool->second, std::to_string(std::min(load.connections, most_workers))});
    words.insert(words.end(), chosen.begin(), chosen.end());
    return words;
}

bool contender::has_lasting_workers() const { return model != "fork" && model != "thread" && model != "exec"; }

contender external_server(const std::string& definition) {
    contender server;
    const auto equals = definition.find_first_of("= "); // a blank comes first: no name is given
    if (equals != definition.npos && definition[equals] == '=' && equals > 0 &&
        equals + 1 < definition.size() && !is_assignment(first_word_of(definition))) {
        server.name = valid_utf8(definition.substr(0, equals));
        server.command = definition.substr(equals + 1);
    } else if (definition.find("{port}") != definition.npos) {
        server.name = valid_utf8(program_in(definition));
        server.command = definition;
    } else {
        throw std::invalid_argument(fmt::format(
            "bad server '{}': use 'COMMAND {{port}}' or NAME=COMMAND, for example mine='./my_server {{port}}'",
            definition));
    }
    return server;
}

std::vector<cell> plan::cells() const {
    std::mt19937_64 random{seed};
    int most_rounds = rounds;
    for (const auto& load : workloads) most_rounds = std::max(most_rounds, load.rounds);
    std::vector<std::size_t> order(workloads.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<cell> cells;
    for (int round = 1; round <= most_rounds; ++round) {
        std::ranges::shuffle(order, random);
        for (const auto index : order) {
            const auto& load = workloads[index];
            if (round > (load.rounds ? load.rounds : rounds)) continue;
            const auto first = static_cast<std::ptrdiff_t>(cells.size());
            for (std::size_t contender = 0; contender != contenders.size(); ++contender) {
                const auto named = std::ranges::find(load.contenders, contenders[contender].name);
                if (load.contenders.empty() ? contenders[contender].in_all : named != load.contenders.end())
                    cells.push_back({round, contender, index});
            }
            std::shuffle(cells.begin() + first, cells.end(), random);
        }
    }
    return cells;
}

void plan::check() const {
    refuse_duplicates(contenders, &contender::name);
    refuse_duplicates(workloads, &workload::id);
    for (const auto& load : workloads) {
        if (load.lines && load.size > workload::longest_line)
            throw std::invalid_argument(fmt::format("workload '{}': a line has at most {} bytes, not {}",
                                                    load.id, workload::longest_line, load.size));
        if (load.duration < load.least_duration())
            throw std::invalid_argument(
                fmt::format("workload '{}': requests that wait {} ms need a duration of at least {} ms, not {}",
                            load.id, load.wait.count(), load.least_duration().count(), load.duration.count()));
        for (const auto& contender : load.contenders)
            if (std::ranges::find(contenders, contender, &parley::contender::name) == contenders.end())
                throw std::invalid_argument(
                    fmt::format("workload '{}' names '{}', which is no contender", load.id, contender));
    }
    if (cells().empty()) throw std::invalid_argument("nothing to compare: name a model or a server");
}

} // namespace parley
