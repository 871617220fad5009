#include "client/compare/plan.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <random>
#include <stdexcept>

namespace parley {

namespace {

/// The models a worker of which serves one connection until it ends, and the option that says how many there
/// are: of a hybrid the threads, since each of its processes may come to take all connections.
const std::map<std::string, std::string> pools{
    {"prefork", "--workers"}, {"pool", "--workers"}, {"hybrid", "--threads"}};

} // namespace

std::string workload::to_string() const {
    return fmt::format("{}: {}, {} bytes, {} connections", name, service, size, connections);
}

contender parley_model(std::string model, std::string parley_server) {
    auto server = [=](const workload& load) {
        std::vector<std::string> words{parley_server, "--model",  model,        "--service",
                                       load.service,  "--listen", "127.0.0.1:0"};
        if (const auto pool = pools.find(model); pool != pools.end() && load.per_connection == 0)
            words.insert(words.end(), {pool->second, std::to_string(load.connections)});
        return words;
    };
    return {std::move(model), std::move(server)};
}

contender foreign_server(const std::string& definition) {
    const auto equals = definition.find('=');
    if (equals == 0 || equals == definition.npos || equals + 1 == definition.size())
        throw std::invalid_argument(
            fmt::format("bad server command '{}': write NAME=COMMAND, as in mine='./my_server 0'", definition));
    std::vector<std::string> words{"/bin/sh", "-c", "exec " + definition.substr(equals + 1)};
    return {definition.substr(0, equals), [=](const workload&) { return words; }};
}

std::vector<cell> plan::cells() const {
    std::mt19937_64 random{seed};
    std::vector<cell> all;
    for (int round = 1; round <= rounds; ++round) {
        const auto first = static_cast<std::ptrdiff_t>(all.size());
        for (std::size_t load = 0; load != workloads.size(); ++load)
            for (std::size_t who = 0; who != contenders.size(); ++who) all.push_back({round, who, load});
        std::shuffle(all.begin() + first, all.end(), random);
    }
    return all;
}

} // namespace parley
