// Tests of bounded_json: deeply nested JSON from outside ends no program.
#include "client/conversation/bounded_json.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/temporary_folder.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <fstream>

namespace parley {

namespace {

using namespace std::chrono_literals;

std::string nested(std::size_t depth, const std::string& begin, const std::string& middle,
                   const std::string& end = "") {
    std::string text;
    for (std::size_t i = 0; i != depth; ++i) text += begin;
    text += middle;
    for (std::size_t i = 0; i != depth; ++i) text += end;
    return text;
}

constexpr std::size_t depth_limit = most_json_depth, far_too_deep = 2'000'000;

} // namespace

TEST_CASE("values may be nested as deep as any program needs, and no deeper") {
    CHECK(parse_json(nested(depth_limit, "[", "1", "]")).is_array());
    CHECK_THROWS_AS(parse_json(nested(depth_limit + 1, "[", "1", "]")), nlohmann::json::parse_error);
    CHECK(parse_ordered_json(nested(depth_limit, R"({"a":)", "1", "}")).is_object());
    CHECK_THROWS_AS(parse_ordered_json(nested(depth_limit + 1, R"({"a":)", "1", "}")),
                    nlohmann::json::parse_error);
    CHECK(parse_cbor(nested(depth_limit, "\x81", "\x01")).is_array());
    CHECK_THROWS_AS(parse_cbor(nested(depth_limit + 1, "\x81", "\x01")), nlohmann::json::parse_error);
    CHECK(parse_json("[[1],[2],[3]]").size() == 3); // arrays next to each other do not add depth
}

TEST_CASE("text that is nested millions deep is an error, not the end") {
    CHECK_THROWS_AS(parse_json(nested(far_too_deep, "[", "")), nlohmann::json::parse_error);
    CHECK_THROWS_AS(parse_json(nested(far_too_deep, "[", "1", "]")), nlohmann::json::parse_error);
    CHECK_THROWS_AS(parse_cbor(nested(far_too_deep, "\x81", std::string(1, '\0'))),
                    nlohmann::json::parse_error);
}

TEST_CASE("text that is no JSON is an error") {
    for (const auto* text : {"", "{", "[1", "nothing"})
        CHECK_THROWS_AS(parse_json(text), nlohmann::json::parse_error);
    CHECK_THROWS_AS(parse_cbor("\x81"), nlohmann::json::parse_error);
}

TEST_CASE("a file that is nested millions deep is refused in one line by every program that reads JSON") {
    const temporary_folder folder;
    const auto deep = folder.file("deep.json");
    std::ofstream{deep} << nested(far_too_deep, "[", "1", "]");
    const auto run = folder.file("run");
    std::filesystem::create_directory(run);
    std::ofstream{run + "/plan.json"} << nested(far_too_deep, R"({"a":)", "1", "}");
    const std::vector<std::vector<std::string>> commands{
        {PARLEY_LOAD, "127.0.0.1:9", "--baseline", deep},
        {PARLEY_COMPARE, "--plan", deep},
        {PARLEY_COMPARE, "--resume", run},
        {PARLEY_COMPARE, "--diff", deep, deep},
    };
    for (const auto& command : commands) {
        subprocess program{command, subprocess::errors::kept};
        const auto end = program.wait(60s);
        REQUIRE(end);
        const auto error_text = program.error_output();
        CAPTURE(error_text);
        CHECK(end->exit_code() == 2);
        CHECK(std::count(error_text.begin(), error_text.end(), '\n') == 1);
    }
}

} // namespace parley
