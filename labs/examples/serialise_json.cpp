// An object and a list of objects as JSON text (RFC 8259), and restored from it.
//
//   Python       json.dumps(obj, default=lambda o: o.__dict__), json.loads(text, object_hook=...),
//                json.dump(obj, file)
//   look at      the last lines: text of another form is refused with the reason, before it can do harm
//   afterwards   serialise_cbor; lab 1, a log of JSON lines; client/conversation/bounded_json.hpp
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using namespace parley;
using nlohmann::json;

namespace {

struct student {
    std::string name;
    int age = 0;
    int score = 0;
};

void to_json(json& object, const student& student) {
    object = {{"name", student.name}, {"age", student.age}, {"score", student.score}};
}

void from_json(const json& object, student& student) {
    object.at("name").get_to(student.name);
    object.at("age").get_to(student.age);
    object.at("score").get_to(student.score);
}

void restore(const std::string& text) {
    try {
        const auto bob = json::parse(text).get<student>();
        print_line("restored: {}, {} years, score {}", bob.name, bob.age, bob.score);
    } catch (const json::exception& error) {
        print_line("refused: {}", error.what());
    }
}

} // namespace

int main() {
    const temporary_folder folder;

    const auto text = json(student{"Bob", 20, 88}).dump();
    print_line("an object: {}", text);
    restore(text);

    const std::vector<student> students{{"Bob", 20, 88}, {"Ada", 19, 97}};
    std::ofstream{"students.json"} << json(students);
    std::ifstream file{"students.json"};
    for (const auto& student : json::parse(file).get<std::vector<student>>())
        print_line("from the file: {}, {} years, score {}", student.name, student.age, student.score);

    restore(R"({"name": "Bob", "age": 20})");
    restore(R"({"name": "Bob", "age": "twenty", "score": 88})");
    restore(R"({"name": "Bob)");
}
