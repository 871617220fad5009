// One list of members per type serves both reading and writing, so that these cannot differ.
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
void each_field(workload& load, Field field) {
    field("id", load.id);
    field("question", load.question);
    field("name", load.name);
    field("service", load.service);
    field("connections", load.connections);
    field("size", load.size);
    field("lines", load.lines);
    field("per_connection", load.per_connection);
    field("duration_ms", load.duration);
    field("digits", load.digits);
    field("wait_ms", load.wait);
    field("open", load.open);
    field("disturbers", load.background_clients);
    field("disturbing_digits", load.disturbing_digits);
    field("server_options", load.server_options);
    field("contenders", load.contenders);
    field("rounds", load.rounds);
}

template <class Field>
void each_field(contender& contender, Field field) {
    field("name", contender.name);
    field("model", contender.model);
    field("options", contender.options);
    field("command", contender.command);
    field("in_all", contender.in_all);
}

struct writer {
    json& object;
    template <class Value>
    void operator()(const char* name, const Value& value) const {
        object[name] = value;
    }
    void operator()(const char* name, milliseconds value) const { object[name] = value.count(); }
};

/// Reads the members that are present, and collects the names of all that are known.
struct reader {
    const json& object;
    std::vector<std::string>& names;
    template <class Value>
    void operator()(const char* name, Value& value) const {
        names.emplace_back(name);
        if (!object.contains(name)) return;
        try {
            value = object[name].get<Value>();
        } catch (const json::exception&) {
            throw std::invalid_argument(
                fmt::format("\"{}\": {} has the wrong type", name, object[name].dump()));
        }
    }
    void operator()(const char* name, milliseconds& value) const {
        auto count = value.count();
        (*this)(name, count);
        value = milliseconds{count};
    }
};

template <class Type>
json json_from(Type value) {
    json object;
    each_field(value, writer{object});
    return object;
}

void check_members(const json& object, const std::vector<std::string>& names) {
    for (const auto& member : object.items())
        if (std::ranges::find(names, member.key()) == names.end())
            throw std::invalid_argument(
                fmt::format("\"{}\" is unknown: use {}", member.key(), fmt::join(names, ", ")));
}

template <class Type>
Type read(const json& object) {
    if (!object.is_object()) throw std::invalid_argument(fmt::format("{} is no JSON object", object.dump()));
    Type result;
    std::vector<std::string> names;
    each_field(result, reader{object, names});
    check_members(object, names);
    return result;
}

template <class Type>
std::vector<Type> read_list(const json& object, const char* name) {
    std::vector<Type> values;
    if (!object.contains(name) || !object[name].is_array())
        throw std::invalid_argument(fmt::format("\"{}\" is missing: it must be an array", name));
    for (const auto& element : object[name]) values.push_back(read<Type>(element));
    return values;
}

void check_range(const std::string& where, const char* name, double value, double least, double most) {
    if (value < least || value > most)
        throw std::invalid_argument(
            fmt::format("{}: \"{}\" is {}: use {} to {}", where, name, value, least, most));
}

void check_ranges(const workload& load) {
    if (load.id.empty()) throw std::invalid_argument("a workload has no \"id\"");
    check_range(load.id, "connections", load.connections, 1, 100'000);
    check_range(load.id, "size", static_cast<double>(load.size), 1, 1 << 20);
    check_range(load.id, "per_connection", load.per_connection, 0, 1e9);
    check_range(load.id, "duration_ms", static_cast<double>(load.duration.count()), 50, 3'600'000);
    check_range(load.id, "wait_ms", static_cast<double>(load.wait.count()), 0, 3'600'000);
    check_range(load.id, "digits", load.digits, 1, 100'000);
    check_range(load.id, "rounds", load.rounds, 0, 1000);
    check_range(load.id, "disturbers", load.background_clients, 0, 10'000);
    for (const auto share : load.open) check_range(load.id, "open", share, 0.01, 2);
}

} // namespace

json json_of(const plan& plan) {
    json object{{"name", plan.name},
                {"rounds", plan.rounds},
                {"seed", plan.seed},
                {"server_cores", plan.server_cores},
                {"load_cores", plan.load_cores},
                {"contenders", json::array()},
                {"workloads", json::array()}};
    for (const auto& contender : plan.contenders) object["contenders"].push_back(json_from(contender));
    for (const auto& load : plan.workloads) object["workloads"].push_back(json_from(load));
    return object;
}

plan plan_from(const json& object) {
    if (!object.is_object()) throw std::invalid_argument("a plan is a JSON object");
    plan plan;
    std::vector<std::string> names;
    const reader field{object, names};
    field("name", plan.name);
    field("rounds", plan.rounds);
    field("seed", plan.seed);
    field("server_cores", plan.server_cores);
    field("load_cores", plan.load_cores);
    names.insert(names.end(), {"contenders", "workloads"});
    check_members(object, names);
    plan.contenders = read_list<contender>(object, "contenders");
    plan.workloads = read_list<workload>(object, "workloads");
    check_range("the plan", "rounds", plan.rounds, 1, 1000);
    for (const auto& load : plan.workloads) check_ranges(load);
    for (const auto& contender : plan.contenders)
        if (contender.name.empty() || contender.model.empty() == contender.command.empty())
            throw std::invalid_argument(fmt::format(
                "contender '{}': give it a \"name\", and either a \"model\" or a \"command\"", contender.name));
    plan.check();
    return plan;
}

} // namespace parley
