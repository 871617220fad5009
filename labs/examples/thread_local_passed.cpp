// Data of a thread, way 1 of 3, passed through every call.
//
//   Python       a function that hands its argument `std` to do_task_1(std), do_subtask_1(std) ...
//   look at      only the last function needs the student, but all functions must pass it on
//   afterwards   thread_local_map, thread_local_variable; lab 7
#include "common/concurrency/named_thread.hpp"
#include "labs/examples/print_line.hpp"

#include <string>

using namespace parley;

namespace {

struct student {
    std::string name;
};

void do_subtask(const student& student) { print_line("Hello, {} (in {})", student.name, this_thread_name()); }

void do_task(const student& student) { do_subtask(student); }

void process_student(const std::string& name) {
    const student student{name};
    do_task(student);
}

} // namespace

int main() {
    const named_thread first{"Thread-A", [] { process_student("Alice"); }};
    const named_thread second{"Thread-B", [] { process_student("Bob"); }};
}
