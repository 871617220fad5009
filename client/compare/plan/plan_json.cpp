// One list of fields for each kind of thing serves reading and writing, so that they cannot differ.
#include "client/compare/plan/plan_json.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley {

namespace {

using json = nlohmann::ordered_json;
using std::chrono::milliseconds;

template <class Field>
void each_field(workload& it, Field field) {
    field("id", it.id);
    field("question", it.question);
    field("name", it.name);
    field("service", it.service);
    field("connections", it.connections);
    field("size", it.size);
    field("lines", it.lines);
    field("per_connection", it.per_connection);
    field("duration_ms", it.duration);
    field("digits", it.digits);
    field("wait_ms", it.wait);
    field("open", it.open);
    field("disturbers", it.background_clients);
    field("disturbing_digits", it.disturbing_digits);
    field("server_options", it.server_options);
    field("contenders", it.contenders);
    field("rounds", it.rounds);
}

template <class Field>
void each_field(contender& it, Field field) {
    field("name", it.name);
    field("model", it.model);
    field("options", it.options);
    field("command", it.command);
    field("in_all", it.in_all);
}

struct writer {
    json& into;
    template <class Value>
    void operator()(const char* name, const Value& value) const {
        into[name] = value;
    }
    void operator()(const char* name, milliseconds value) const { into[name] = value.count(); }
};

/// Takes what is there, and remembers which names there may be.
struct reader {
    const json& from;
    std::vector<std::string>& names;
    template <class Value>
    void operator()(const char* name, Value& value) const {
        names.emplace_back(name);
        if (!from.contains(name)) return;
        try {
            value = from[name].get<Value>();
        } catch (const json::exception&) {
            throw std::invalid_argument(
                fmt::format("\"{}\": {} is not of the right kind", name, from[name].dump()));
        }
    }
    void operator()(const char* name, milliseconds& value) const {
        auto count = value.count();
        (*this)(name, count);
        value = milliseconds{count};
    }
};

template <class Thing>
json written(Thing it) {
    json object;
    each_field(it, writer{object});
    return object;
}

void check_known(const json& object, const std::vector<std::string>& names) {
    for (const auto& member : object.items())
        if (std::ranges::find(names, member.key()) == names.end())
            throw std::invalid_argument(
                fmt::format("\"{}\" is unknown: there are {}", member.key(), fmt::join(names, ", ")));
}

template <class Thing>
Thing read(const json& object) {
    if (!object.is_object()) throw std::invalid_argument(fmt::format("{} is no object", object.dump()));
    Thing it;
    std::vector<std::string> names;
    each_field(it, reader{object, names});
    check_known(object, names);
    return it;
}

template <class Thing>
std::vector<Thing> read_list(const json& object, const char* name) {
    std::vector<Thing> all;
    if (!object.contains(name) || !object[name].is_array())
        throw std::invalid_argument(fmt::format("\"{}\" is missing: it is a list", name));
    for (const auto& each : object[name]) all.push_back(read<Thing>(each));
    return all;
}

void check_range(const std::string& where, const char* name, double value, double least, double most) {
    if (value < least || value > most)
        throw std::invalid_argument(
            fmt::format("{}: \"{}\" is {}, not from {} to {}", where, name, value, least, most));
}

void check_ranges(const workload& it) {
    if (it.id.empty()) throw std::invalid_argument("a workload has no \"id\"");
    check_range(it.id, "connections", it.connections, 1, 100'000);
    check_range(it.id, "size", static_cast<double>(it.size), 1, 1 << 20);
    check_range(it.id, "per_connection", it.per_connection, 0, 1e9);
    check_range(it.id, "duration_ms", static_cast<double>(it.duration.count()), 50, 3'600'000);
    check_range(it.id, "wait_ms", static_cast<double>(it.wait.count()), 0, 3'600'000);
    check_range(it.id, "digits", it.digits, 1, 100'000);
    check_range(it.id, "rounds", it.rounds, 0, 1000);
    check_range(it.id, "disturbers", it.background_clients, 0, 10'000);
    for (const auto share : it.open) check_range(it.id, "open", share, 0.01, 2);
}

} // namespace

json json_of(const plan& all) {
    json text{{"name", all.name},
              {"rounds", all.rounds},
              {"seed", all.seed},
              {"server_cores", all.server_cores},
              {"load_cores", all.load_cores},
              {"contenders", json::array()},
              {"workloads", json::array()}};
    for (const auto& each : all.contenders) text["contenders"].push_back(written(each));
    for (const auto& each : all.workloads) text["workloads"].push_back(written(each));
    return text;
}

plan plan_from(const json& text) {
    if (!text.is_object()) throw std::invalid_argument("a plan is a JSON object");
    plan all;
    std::vector<std::string> names;
    const reader field{text, names};
    field("name", all.name);
    field("rounds", all.rounds);
    field("seed", all.seed);
    field("server_cores", all.server_cores);
    field("load_cores", all.load_cores);
    names.insert(names.end(), {"contenders", "workloads"});
    check_known(text, names);
    all.contenders = read_list<contender>(text, "contenders");
    all.workloads = read_list<workload>(text, "workloads");
    check_range("the plan", "rounds", all.rounds, 1, 1000);
    for (const auto& each : all.workloads) check_ranges(each);
    for (const auto& each : all.contenders)
        if (each.name.empty() || each.model.empty() == each.command.empty())
            throw std::invalid_argument(fmt::format(
                "contender '{}': give it a \"name\", and either a \"model\" or a \"command\"", each.name));
    all.check();
    return all;
}

} // namespace parley
