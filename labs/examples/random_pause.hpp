// A random time of waiting, which stands for the work of an example. Python: time.sleep(random.random()).
#pragma once

#include <chrono>
#include <random>
#include <thread>

namespace parley {

/// Waits for a random time between two limits and returns it in seconds. Each process has its own times,
/// though fork(2) copies the state of generators: the seed is drawn from the kernel for each call.
inline double random_pause(double min_seconds, double max_seconds) {
    std::random_device kernel;
    const auto seconds = std::uniform_real_distribution{min_seconds, max_seconds}(kernel);
    std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
    return seconds;
}

} // namespace parley
