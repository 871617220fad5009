#include "client/load/engine/kernel_counters.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace parley {

namespace {

std::string text_of(const char* file) {
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    return text.str();
}

} // namespace

std::uint64_t counter_in(std::string_view text, std::string_view group, std::string_view name) {
    std::istringstream lines{std::string{text}};
    for (std::string names, numbers; std::getline(lines, names);) {
        if (!names.starts_with(group)) continue;
        std::getline(lines, numbers);
        std::istringstream name_words{names}, number_words{numbers};
        for (std::string word, number; name_words >> word && number_words >> number;)
            if (word == name) return std::strtoull(number.c_str(), nullptr, 10);
    }
    return 0;
}

kernel_counters kernel_counters::now() {
    const auto netstat = text_of("/proc/net/netstat");
    const auto snmp = text_of("/proc/net/snmp");
    return {counter_in(netstat, "TcpExt:", "ListenOverflows"), counter_in(snmp, "Tcp:", "OutSegs"),
            counter_in(snmp, "Tcp:", "RetransSegs")};
}

} // namespace parley
