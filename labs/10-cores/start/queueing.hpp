// Laws of parallel work and of queues, as functions. Times are in seconds, rates are per second. A function may
// rely on what main.cpp has checked: all times and rates are positive, and counts are at least 1.
#pragma once

#include <cstdint>

/// Amdahl's law: returns how many times as fast a program is with `workers`, if the share `parallel` (0 to 1)
/// of its time can be divided among them.
double amdahl(double parallel, int workers);

/// Little's law: returns the mean number of requests in a system that they enter at `rate` and leave after
/// `seconds`. It needs no assumption about arrivals or order.
double littles_law(double rate, double seconds);

/// Returns the highest rate of a pool in which each request keeps one of the `workers` busy for `seconds`.
double pool_rate(int workers, double seconds);

/// Closed loop: each of the `clients` thinks for `think`, requests, and waits for its reply. Returns the upper
/// bound of the rate: that of the clients or that of the pool, whichever is lower.
double closed_rate(int clients, int workers, double seconds, double think);

/// Erlang's formula C: returns the probability that a request finds all workers busy. Requests arrive at random
/// (Poisson) and take exponential times. `load` is rate * seconds: the mean number of busy workers. Returns 1
/// if the load is not below `workers`.
double erlang_c(int workers, double load);

/// Returns the mean time that a request of such a queue waits until a worker begins with it, or infinity if the
/// load is not below `workers`: then the queue grows for ever.
double mean_wait(int workers, double rate, double seconds);

/// Simulates such a queue: first come, first served. Returns the mean time that the `requests` wait. The same
/// seed gives the same result.
double simulated_wait(int workers, double rate, double seconds, int requests, std::uint64_t seed);
