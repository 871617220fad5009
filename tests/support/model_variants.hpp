// Every way to run the server: each model with each of its options. They come from the server's own table, so
// a new row there is tested without a change here.
#pragma once

#include "server/model.hpp"
#include "tests/support/server_under_test.hpp"

#include <array>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// One model with the options to start it with.
struct model_variant {
    std::string_view model;
    std::string name; // "prefork --accept mutex"
    std::vector<std::string> options;

    server_under_test serve(std::string_view service_name, std::vector<std::string> options_before = {},
                            std::string_view log_level = "warn") const {
        options_before.insert(options_before.end(), options.begin(), options.end());
        return server_under_test{model, service_name, std::move(options_before), log_level};
    }
};

#if defined(__SANITIZE_THREAD__) // the sanitizer cannot see races between processes: see CMakeLists.txt
inline constexpr std::array worker_kinds{"threads"};
#else
inline constexpr std::array worker_kinds{"threads", "processes"};
#endif

/// Returns all variants of the models that run services over connections and can run here.
inline std::vector<model_variant> model_variants() {
    std::vector<model_variant> variants;
    for (const auto& model : models()) {
        if (model.datagrams || model.commands) continue;
        if (const auto obstacle = model.obstacle(); !obstacle.empty()) {
            MESSAGE("model ", model.name, " is not tested: ", obstacle);
            continue;
        }
        for (const auto accept : model.accepts) {
            for (const auto* worker_kind : worker_kinds) {
                model_variant variant{model.name, std::string{model.name}, {}};
                const auto choose = [&variant](const char* option, std::string_view value) {
                    variant.name += fmt::format(" {} {}", option, value);
                    variant.options.insert(variant.options.end(), {option, std::string{value}});
                };
                if (model.accepts.size() > 1) choose("--accept", name_of(accept));
                if (model.in_either) choose("--in", worker_kind);
                variants.push_back(std::move(variant));
                if (!model.in_either) break;
            }
        }
    }
    return variants;
}

/// Calls `test(variant)` for each variant, in a subcase that bears its name.
template <class Test>
void for_each_variant(Test test) {
    static const auto variants = model_variants();
    for (const auto& variant : variants) SUBCASE(variant.name.c_str()) test(variant);
}

} // namespace parley
