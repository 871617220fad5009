// Looks up tasks by function and by name.
#include "common/multiprocessing/task_table.hpp"

#include <algorithm>
#include <stdexcept>

namespace parley {

task_table::task_table(std::initializer_list<table_entry> entries) : entries_{entries} {
    for (const auto& entry : entries_)
        if (std::ranges::count(entries_, entry.name, &table_entry::name) != 1)
            throw std::invalid_argument("two tasks have the name " + entry.name);
}

const std::string& task_table::name_at(void (*address)()) const {
    const auto found = std::ranges::find(entries_, address, &table_entry::address);
    if (found == entries_.end())
        throw std::invalid_argument("the function is not in the pool's table of tasks; add it with a name");
    return found->name;
}

nlohmann::json task_table::call(const std::string& name, const nlohmann::json& arguments) const {
    const auto found = std::ranges::find(entries_, name, &table_entry::name);
    if (found == entries_.end()) throw std::invalid_argument("no task has the name " + name);
    return found->call(arguments);
}

} // namespace parley
