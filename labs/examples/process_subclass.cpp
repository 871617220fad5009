// The work of a child process as a function, as an object that can be called, and as a subclass of process.
//
//   Python       multiprocessing.Process(target=f, args=(...)), or a subclass with its method run
//   look at      the total: the child's object is a copy. Results need a queue, a pipe or a value
//   afterwards   queue_one_writer, shared_value; lab 3; common/multiprocessing/process.hpp
#include "common/multiprocessing/process.hpp"
#include "labs/examples/print_line.hpp"

#include <string>
#include <unistd.h>

using namespace parley;

namespace {

void greet(const std::string& name) { print_line("Function ({}): hello, {}.", getpid(), name); }

/// The state of the work is in members, not in arguments.
class adder {
public:
    explicit adder(int number) : number_{number} {}

    void operator()() {
        total_ += number_;
        print_line("Object ({}): the total is {}.", getpid(), total_);
    }

    [[nodiscard]] int total() const { return total_; }

private:
    int number_;
    int total_ = 0;
};

/// A process that knows its work. Usually an object is enough, since Python's method run() is the call.
class countdown : public process {
public:
    explicit countdown(int from) : process{"countdown", [from] { run(from); }} {}

private:
    static void run(int from) {
        for (int number = from; number > 0; --number) print_line("Subclass ({}): {}", getpid(), number);
    }
};

void run_and_wait(process work) {
    work.start();
    work.join();
}

} // namespace

int main() {
    print_line("Parent process {}.", getpid());
    run_and_wait({"greet", [] { greet("Ada"); }});

    adder add_three{3};
    run_and_wait({"adder", [&add_three] { add_three(); }});
    print_line("Parent ({}): the total is still {}.", getpid(), add_three.total());

    countdown from_three{3};
    from_three.start();
    from_three.join();
}
