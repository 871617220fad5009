// An array in shared memory, which two child processes change at the same time.
//
//   Python       multiprocessing.Array('i', range(10))
//   look at      who changes what: each child has a half, so they need no lock. The sum takes it
//   afterwards   shared_lock; lab 5; common/scoreboard/scoreboard.hpp, an array with one slot for each worker
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/shared_value.hpp"
#include "labs/examples/print_line.hpp"

#include <string>

using namespace parley;

namespace {

using array = shared_array<int>;

void negate(array& numbers, std::size_t begin, std::size_t end) {
    for (auto i = begin; i < end; ++i) numbers[i] = -numbers[i];
}

void print(const char* when, array& numbers) {
    std::string text;
    for (std::size_t i = 0; i < numbers.size(); ++i) text += fmt::format(" {}", numbers[i].load());
    print_line("{}:{}", when, text);
}

} // namespace

int main() {
    array numbers{10};
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
    print("At first", numbers);

    process first{"first half", [&] { negate(numbers, 0, 5); }};
    process second{"second half", [&] { negate(numbers, 5, 10); }};
    first.start();
    second.start();
    first.join();
    second.join();
    print("Both halves negated", numbers);

    const auto sum = numbers.with([](auto cells) {
        int total = 0;
        for (const auto& cell : cells) total += cell;
        return total;
    });
    print_line("Sum: {}", sum);

    try {
        numbers.at(10) = 1;
    } catch (const std::out_of_range& error) {
        print_line("Refused: {}", error.what());
    }
}
