// The ways to run the server that the tests go through: each model, with all that is to be chosen with it. They
// come from the server's own table, so a new row is tested by being there.
#pragma once

#include "server/model.hpp"
#include "tests/support/server_under_test.hpp"

#include <array>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// A way to run the server: a model, and what is to be chosen with it.
struct model_variant {
    std::string_view model;
    std::string name; // "prefork --accept mutex"
    std::vector<std::string> options;

    server_under_test serve(std::string_view offered, std::vector<std::string> more = {},
                            std::string_view log_level = "warn") const {
        more.insert(more.end(), options.begin(), options.end());
        return server_under_test{model, offered, std::move(more), log_level};
    }
};

#if defined(__SANITIZE_THREAD__) // there is nothing for it to see between processes: see the CMakeLists.txt
inline constexpr std::array kinds_of_worker{"threads"};
#else
inline constexpr std::array kinds_of_worker{"threads", "processes"};
#endif

/// All forms of the models that run services over connections and can run here.
inline std::vector<model_variant> model_variants() {
    std::vector<model_variant> all;
    for (const auto& each : models()) {
        if (each.datagrams || each.commands) continue;
        if (const auto obstacle = each.obstacle(); !obstacle.empty()) {
            MESSAGE("model ", each.name, " is not tested: ", obstacle);
            continue;
        }
        for (const auto accept : each.accepts) {
            for (const auto* in : kinds_of_worker) {
                model_variant one{each.name, std::string{each.name}, {}};
                const auto choose = [&one](const char* option, std::string_view value) {
                    one.name += fmt::format(" {} {}", option, value);
                    one.options.insert(one.options.end(), {option, std::string{value}});
                };
                if (each.accepts.size() > 1) choose("--accept", name_of(accept));
                if (each.in_either) choose("--in", in);
                all.push_back(std::move(one));
                if (!each.in_either) break;
            }
        }
    }
    return all;
}

/// Calls `test(form)` for each; it is named where the test fails.
template <class Test>
void for_each_form(Test test) {
    static const auto all = model_variants();
    for (const auto& each : all) SUBCASE(each.name.c_str()) test(each);
}

} // namespace parley
