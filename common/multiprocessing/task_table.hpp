// The functions that a process_pool can call, each with a name. Parent and workers have the same table, so only
// the name and the arguments are sent; a message can never bring code of its own.
#pragma once

#include "common/multiprocessing/message.hpp"

#include <functional>
#include <initializer_list>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace parley {

class task_table {
public:
    /// A name and a function, whose parameters and result can be converted to and from JSON.
    struct table_entry {
        template <class Result, class... Parameters>
        table_entry(std::string task, Result (*function)(Parameters...))
            : name{std::move(task)},
              address{reinterpret_cast<void (*)()>(function)},
              call{[function](const nlohmann::json& arguments) -> nlohmann::json {
                  auto values = arguments.get<std::tuple<std::decay_t<Parameters>...>>();
                  if constexpr (std::is_void_v<Result>) {
                      std::apply(function, values);
                      return nullptr;
                  } else {
                      return std::apply(function, values);
                  }
              }} {}

        std::string name;
        void (*address)(); // of the function, for comparison
        std::function<nlohmann::json(const nlohmann::json& arguments)> call;
    };

    /// Throws std::invalid_argument if a name occurs twice.
    task_table(std::initializer_list<table_entry> entries);

    /// Returns the name of a function. Throws std::invalid_argument if it is not in the table.
    template <class Result, class... Parameters>
    [[nodiscard]] const std::string& name_of(Result (*function)(Parameters...)) const {
        return name_at(reinterpret_cast<void (*)()>(function));
    }

    /// Calls a function by its name, with a JSON array of its arguments. Throws what the function throws.
    [[nodiscard]] nlohmann::json call(const std::string& name, const nlohmann::json& arguments) const;

private:
    [[nodiscard]] const std::string& name_at(void (*address)()) const;

    std::vector<table_entry> entries_;
};

} // namespace parley
