// Data of a thread, way 3 of 3, in a thread-local variable.
//
//   Python       local_school = threading.local(); local_school.student = name
//   look at      one name, but a variable per thread: no lock, no argument, and main has no student
//   afterwards   lab 7; common/session/request_context.hpp
#include "common/concurrency/named_thread.hpp"
#include "labs/examples/print_line.hpp"

#include <optional>
#include <string>

using namespace parley;

namespace {

struct student {
    std::string name;
};

/// Each thread has one, which is destroyed when the thread ends.
thread_local std::optional<student> this_student;

void do_subtask() {
    if (this_student)
        print_line("Hello, {} (in {})", this_student->name, this_thread_name());
    else
        print_line("No student (in {})", this_thread_name());
}

void do_task() { do_subtask(); }

void process_student(const std::string& name) {
    this_student = {name};
    do_task();
}

} // namespace

int main() {
    {
        const named_thread first{"Thread-A", [] { process_student("Alice"); }};
        const named_thread second{"Thread-B", [] { process_student("Bob"); }};
    } // joins both
    do_task();
}
