// Tests that the README's table of models equals the one that the server prints.
#include "common/process/subprocess.hpp"

#include <doctest/doctest.h>
#include <fstream>
#include <sstream>

using namespace std::chrono_literals;

namespace parley {

TEST_CASE("the README's table is what --list-table prints") {
    subprocess server{{PARLEY_SERVER, "--list-table"}};
    REQUIRE(server.wait(10s));
    std::ostringstream readme;
    readme << std::ifstream{PARLEY_SOURCE "/README.md"}.rdbuf();
    const auto table = server.rest_of_output();
    CHECK(table.size() > 100);
    CHECK_MESSAGE(readme.str().find(table) != std::string::npos,
                  "replace the table in README.md by what parley-server --list-table prints");
}

} // namespace parley
