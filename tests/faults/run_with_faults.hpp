// Starts a server with the fault injector.
#pragma once

#include "client/check/inject/fault_injection.hpp"

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

namespace parley {

/// Calls `start()` with the injector in the environment, and returns its result.
template <class Start>
auto run_with(const fault_injection& injected, Start start) {
    class environment {
    public:
        explicit environment(const fault_injection& injected) {
            for (const auto& setting : injected.environment(PARLEY_INJECTOR)) {
                const auto name = setting.substr(0, setting.find('='));
                const char* const value = std::getenv(name.c_str());
                before_[name] = value ? std::optional<std::string>{value} : std::nullopt;
                setenv(name.c_str(), setting.c_str() + name.size() + 1, 1);
            }
        }
        environment(const environment&) = delete;
        environment& operator=(const environment&) = delete;
        ~environment() {
            for (const auto& [name, value] : before_)
                value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
        }

    private:
        std::map<std::string, std::optional<std::string>> before_;
    };
    const environment with_injector{injected};
    return start();
}

} // namespace parley
