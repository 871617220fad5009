// Data of a thread, way 2 of 3, in a global map whose key is the thread.
//
//   Python       global_dict[threading.current_thread()] = std
//   look at      no function passes the student on; but each looks it up under a lock, and must remove it
//   afterwards   thread_local_variable; lab 7
#include "common/concurrency/named_thread.hpp"
#include "labs/examples/print_line.hpp"

#include <map>
#include <mutex>
#include <string>
#include <thread>

using namespace parley;

namespace {

struct student {
    std::string name;
};

std::mutex mutex; // guards students
std::map<std::thread::id, student> students;

student this_student() {
    const std::lock_guard lock{mutex};
    return students.at(std::this_thread::get_id());
}

void do_subtask() { print_line("Hello, {} (in {})", this_student().name, this_thread_name()); }

void do_task() { do_subtask(); }

void process_student(const std::string& name) {
    {
        const std::lock_guard lock{mutex};
        students[std::this_thread::get_id()] = {name};
    }
    do_task();
    const std::lock_guard lock{mutex};
    students.erase(std::this_thread::get_id()); // or a later thread with the same id finds it
}

} // namespace

int main() {
    {
        const named_thread first{"Thread-A", [] { process_student("Alice"); }};
        const named_thread second{"Thread-B", [] { process_student("Bob"); }};
    } // joins both
    print_line("{} students are left in the map", students.size());
}
