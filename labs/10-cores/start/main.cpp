// Reads the arguments, calls one law of queueing.hpp, and prints the number. It is complete.
#include "queueing.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr const char* usage = "usage: queueing amdahl SHARE WORKERS\n"
                              "       queueing little RATE SECONDS\n"
                              "       queueing pool WORKERS SECONDS\n"
                              "       queueing closed CLIENTS WORKERS SECONDS THINK\n"
                              "       queueing erlang-c WORKERS LOAD\n"
                              "       queueing wait WORKERS RATE SECONDS\n"
                              "       queueing simulate WORKERS RATE SECONDS REQUESTS SEED\n";

/// Reads the arguments one after the other. Throws std::invalid_argument that names the wrong one.
class argument_reader {
public:
    explicit argument_reader(std::vector<std::string> arguments) : arguments_{std::move(arguments)} {}

    double number(const char* name, double least, double most = HUGE_VAL) {
        const auto& text = arguments_[next_++];
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most))
            throw std::invalid_argument(std::string{name} + " '" + text + "' is no number in its range");
        return value;
    }
    double positive(const char* name) { return number(name, 1e-9, 1e9); }
    int count(const char* name) { return static_cast<int>(number(name, 1, 1e7)); }

private:
    std::vector<std::string> arguments_;
    std::size_t next_ = 0;
};

double calculate(std::string_view law, const std::vector<std::string>& arguments) {
    argument_reader read{arguments};
    const auto takes = [&](std::string_view name, std::size_t count) {
        return law == name && arguments.size() == count;
    };
    if (takes("amdahl", 2)) {
        const auto share = read.number("SHARE", 0, 1);
        return amdahl(share, read.count("WORKERS"));
    }
    if (takes("little", 2)) {
        const auto rate = read.positive("RATE");
        return littles_law(rate, read.positive("SECONDS"));
    }
    if (takes("pool", 2)) {
        const auto workers = read.count("WORKERS");
        return pool_rate(workers, read.positive("SECONDS"));
    }
    if (takes("closed", 4)) {
        const auto clients = read.count("CLIENTS");
        const auto workers = read.count("WORKERS");
        const auto seconds = read.positive("SECONDS");
        return closed_rate(clients, workers, seconds, read.number("THINK", 0));
    }
    if (takes("erlang-c", 2)) {
        const auto workers = read.count("WORKERS");
        return erlang_c(workers, read.positive("LOAD"));
    }
    if (takes("wait", 3)) {
        const auto workers = read.count("WORKERS");
        const auto rate = read.positive("RATE");
        return mean_wait(workers, rate, read.positive("SECONDS"));
    }
    if (takes("simulate", 5)) {
        const auto workers = read.count("WORKERS");
        const auto rate = read.positive("RATE");
        const auto seconds = read.positive("SECONDS");
        const auto requests = read.count("REQUESTS");
        return simulated_wait(workers, rate, seconds, requests,
                              static_cast<std::uint64_t>(read.number("SEED", 0, 1e15)));
    }
    throw std::invalid_argument("no such law, or a wrong number of arguments");
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    const std::vector<std::string> words{arguments + 1, arguments + argument_count};
    if (words.empty()) throw std::invalid_argument("no arguments");
    std::printf("%.6g\n", calculate(words.front(), {words.begin() + 1, words.end()}));
} catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "queueing: %s\n%s", error.what(), usage);
    return 2;
} catch (const std::exception& error) {
    std::fprintf(stderr, "queueing: %s\n", error.what());
    return 1;
}
