// Tests of message: values survive the way to bytes and back, and bad bytes are told.
#include "common/multiprocessing/message.hpp"

#include <doctest/doctest.h>
#include <map>
#include <optional>
#include <vector>

namespace parley {

namespace {

struct student {
    std::string name;
    int age = 0;
    std::vector<double> marks;
    bool operator==(const student&) const = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(student, name, age, marks)

template <class Value>
Value there_and_back(const Value& value) {
    return from_bytes<Value>(to_bytes(value));
}

} // namespace

TEST_CASE("a value is the same after the way to bytes and back") {
    CHECK(there_and_back(-7) == -7);
    CHECK(there_and_back(0.1) == 0.1);
    CHECK(there_and_back(true));
    CHECK(there_and_back(std::map<std::string, int>{{"a", 1}}) == std::map<std::string, int>{{"a", 1}});
    const student alice{"Alice", 20, {1.0, 2.3}};
    CHECK(there_and_back(std::vector{alice, alice}) == std::vector{alice, alice});
}

TEST_CASE("a string may contain any bytes, also those that are not UTF-8") {
    const std::string bytes{"\xff\0\n\x80", 4};
    CHECK(there_and_back(bytes) == bytes);
}

TEST_CASE("bytes that are not one whole CBOR value are refused with a clear text") {
    const auto bytes = to_bytes(std::vector{1, 2, 3});
    CHECK_THROWS_WITH_AS(from_bytes<std::vector<int>>(bytes.substr(0, 2)), doctest::Contains("not CBOR"),
                         std::runtime_error);
    CHECK_THROWS_WITH_AS(from_bytes<std::vector<int>>(bytes + bytes), doctest::Contains("not CBOR"),
                         std::runtime_error);
    CHECK_THROWS_WITH_AS(from_bytes<int>(""), doctest::Contains("not CBOR"), std::runtime_error);
}

TEST_CASE("a value of another type is refused with a clear text") {
    CHECK_THROWS_WITH_AS(from_bytes<int>(to_bytes(std::string{"text"})), doctest::Contains("another type"),
                         std::runtime_error);
    CHECK_THROWS_WITH_AS(from_bytes<student>(to_bytes(nlohmann::json{{"name", "Bob"}})),
                         doctest::Contains("another type"), std::runtime_error);
}

} // namespace parley
