// Amdahl's law, Little's law, and the M/M/c queue, whose names are Kendall's: random arrivals, random service
// times, c workers. Each law holds only under its assumption; see queueing.hpp.
#include "queueing.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <random>
#include <vector>

double amdahl(double parallel, int workers) { return 1 / (1 - parallel + parallel / workers); }

double littles_law(double rate, double seconds) { return rate * seconds; }

double pool_rate(int workers, double seconds) { return workers / seconds; }

double closed_rate(int clients, int workers, double seconds, double think) {
    return std::min(clients / (seconds + think), pool_rate(workers, seconds));
}

double erlang_c(int workers, double load) {
    if (load >= workers) return 1;
    // Erlang's formula B, by recursion over the workers: load^workers and workers! would overflow.
    double blocked = 1;
    for (int i = 1; i <= workers; ++i) blocked = load * blocked / (i + load * blocked);
    const auto utilisation = load / workers;
    return blocked / (1 - utilisation * (1 - blocked));
}

double mean_wait(int workers, double rate, double seconds) {
    const auto load = littles_law(rate, seconds);
    if (load >= workers) return std::numeric_limits<double>::infinity();
    return erlang_c(workers, load) * seconds / (workers - load);
}

double simulated_wait(int workers, double rate, double seconds, int requests, std::uint64_t seed) {
    std::mt19937_64 random{seed};
    std::exponential_distribution time_to_next{rate};
    std::exponential_distribution service_time{1 / seconds};
    // When each worker is free; the earliest time is at the top.
    std::priority_queue<double, std::vector<double>, std::greater<>> free_at{
        std::greater<>{}, std::vector<double>(static_cast<std::size_t>(workers), 0.0)};
    double arrival = 0;
    double waited = 0;
    for (int i = 0; i < requests; ++i) {
        arrival += time_to_next(random);
        const auto begin = std::max(arrival, free_at.top());
        free_at.pop();
        free_at.push(begin + service_time(random));
        waited += begin - arrival;
    }
    return waited / requests;
}
