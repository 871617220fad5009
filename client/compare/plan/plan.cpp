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

/// The models a worker of which serves one connection until it ends, and the option that says how many there
/// are: of a hybrid the threads, since each of its processes may come to take all connections.
const std::map<std::string, std::string> pools{
    {"prefork", "--workers"}, {"pool", "--workers"}, {"hybrid", "--threads"}};

constexpr int most_workers = 256;

template <class Named>
void refuse_twice(const std::vector<Named>& all, std::string Named::*name) {
    std::vector<std::string> names;
    for (const auto& each : all) names.push_back(each.*name);
    std::ranges::sort(names);
    if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
        throw std::invalid_argument(fmt::format("'{}' is there twice: give each a name of its own", *twice));
}

std::string_view first_word_of(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return text.substr(0, text.find(' '));
}

bool is_program(const std::string& word) {
    const auto is_file = [](const std::filesystem::path& at) {
        std::error_code unreadable;
        return std::filesystem::is_regular_file(at, unreadable) && access(at.c_str(), X_OK) == 0;
    };
    if (word.find('/') != word.npos) return is_file(word);
    const char* path = std::getenv("PATH");
    std::istringstream folders{path ? path : "/usr/bin:/bin"};
    for (std::string folder; std::getline(folders, folder, ':');)
        if (is_file(std::filesystem::path{folder} / word)) return true;
    return false;
}

/// "FOO=1", but not "mine=./server" nor "A=./server".
bool is_assignment(std::string_view word) {
    const auto equals = word.find('=');
    if (equals == word.npos || equals == 0) return false;
    const auto is_capital = [](char letter) {
        return (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') || letter == '_';
    };
    return std::ranges::all_of(word.substr(0, equals), is_capital) &&
           !is_program(std::string{word.substr(equals + 1)});
}

/// A file name may be any bytes; JSON is UTF-8.
std::string valid_utf8(const std::string& text) {
    using nlohmann::json;
    return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace));
}

/// What a server is called whose command is all that is known of it: the program that is given the port.
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
    constexpr int least_waits = 10;
    return service == "wait" ? least_waits * wait : std::chrono::milliseconds{0};
}

std::string workload::to_string() const {
    const auto asked = service == "pi"     ? fmt::format(", {} digits", digits)
                       : service == "wait" ? fmt::format(", {} ms", wait.count())
                                           : fmt::format(", {} bytes{}", size, lines ? " and a newline" : "");
    return fmt::format("{}: {}{}, {} connection{}", name, service, asked, connections,
                       connections == 1 ? "" : "s");
}

std::vector<std::string> contender::words(const workload& load, const std::string& parley_server) const {
    if (model.empty()) return {"/bin/sh", "-c", command};
    std::vector<std::string> all{parley_server, "--model",     model,     "--service", load.service,
                                 "--listen",    "127.0.0.1:0", "--grace", "1s"};
    auto chosen = options;
    chosen.insert(chosen.end(), load.server_options.begin(), load.server_options.end());
    const auto pool = pools.find(model);
    if (pool != pools.end() && load.per_connection == 0 &&
        std::ranges::find(chosen, pool->second) == chosen.end())
        all.insert(all.end(), {pool->second, std::to_string(std::min(load.connections, most_workers))});
    all.insert(all.end(), chosen.begin(), chosen.end());
    return all;
}

bool contender::keeps_workers() const { return model != "fork" && model != "thread" && model != "exec"; }

contender foreign_server(const std::string& definition) {
    contender one;
    const auto equals = definition.find_first_of("= "); // a space: no name is given
    if (equals != definition.npos && definition[equals] == '=' && equals > 0 &&
        equals + 1 < definition.size() && !is_assignment(first_word_of(definition))) {
        one.name = valid_utf8(definition.substr(0, equals));
        one.command = definition.substr(equals + 1);
    } else if (definition.find("{port}") != definition.npos) {
        one.name = valid_utf8(program_in(definition));
        one.command = definition;
    } else {
        throw std::invalid_argument(fmt::format(
            "bad server '{}': write 'COMMAND {{port}}' or NAME=COMMAND, as in mine='./my_server {{port}}'",
            definition));
    }
    return one;
}

std::vector<cell> plan::cells() const {
    std::mt19937_64 random{seed};
    int most_rounds = rounds;
    for (const auto& each : workloads) most_rounds = std::max(most_rounds, each.rounds);
    std::vector<std::size_t> order(workloads.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<cell> all;
    for (int round = 1; round <= most_rounds; ++round) {
        std::ranges::shuffle(order, random);
        for (const auto load : order) {
            const auto& what = workloads[load];
            if (round > (what.rounds ? what.rounds : rounds)) continue;
            const auto first = static_cast<std::ptrdiff_t>(all.size());
            for (std::size_t who = 0; who != contenders.size(); ++who) {
                const auto is_named = std::ranges::find(what.contenders, contenders[who].name);
                if (what.contenders.empty() ? contenders[who].in_all : is_named != what.contenders.end())
                    all.push_back({round, who, load});
            }
            std::shuffle(all.begin() + first, all.end(), random);
        }
    }
    return all;
}

void plan::check() const {
    refuse_twice(contenders, &contender::name);
    refuse_twice(workloads, &workload::id);
    for (const auto& load : workloads) {
        if (load.lines && load.size > workload::longest_line)
            throw std::invalid_argument(fmt::format("workload '{}': a line has at most {} bytes, not {}",
                                                    load.id, workload::longest_line, load.size));
        if (load.duration < load.least_duration())
            throw std::invalid_argument(
                fmt::format("workload '{}': requests that wait {} ms need a duration of at least {} ms, not {}",
                            load.id, load.wait.count(), load.least_duration().count(), load.duration.count()));
        for (const auto& each : load.contenders)
            if (std::ranges::find(contenders, each, &contender::name) == contenders.end())
                throw std::invalid_argument(
                    fmt::format("workload '{}' names '{}', which is no contender", load.id, each));
    }
    if (cells().empty()) throw std::invalid_argument("nothing to compare: name a model or a server");
}

} // namespace parley
