// Values as bytes in CBOR (RFC 8949), and restored; the bytes are fewer than of JSON, and for programs only.
//
//   Python       pickle.dumps, pickle.loads, pickle.dump, pickle.load
//   look at      the last object: it names a command, and stays data. pickle.loads could run it
//   afterwards   queue_one_writer, which sends such bytes; lab 5; common/multiprocessing/message.hpp
#include "common/multiprocessing/message.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

using namespace parley;

namespace {

std::string as_hex(const std::string& bytes) {
    std::string text;
    for (const unsigned char byte : bytes) text += fmt::format("{:02x} ", byte);
    return text.substr(0, text.size() - 1);
}

} // namespace

int main() {
    const temporary_folder folder;

    const std::vector<int> numbers{1, 23, 24, 1000};
    print_line("{} as CBOR: {}", nlohmann::json(numbers).dump(), as_hex(to_bytes(numbers)));

    const std::map<std::string, int> scores{{"Ada", 97}, {"Bob", 88}};
    const auto bytes = to_bytes(scores);
    print_line("{} has {} bytes as JSON, and {} as CBOR", nlohmann::json(scores).dump(),
               nlohmann::json(scores).dump().size(), bytes.size());

    std::ofstream{"scores.cbor", std::ios::binary} << bytes;
    std::ifstream file{"scores.cbor", std::ios::binary};
    const std::string from_file{std::istreambuf_iterator{file}, {}};
    for (const auto& [name, score] : from_bytes<std::map<std::string, int>>(from_file))
        print_line("from the file: {} {}", name, score);

    try {
        from_bytes<std::map<std::string, int>>(bytes.substr(0, bytes.size() - 1));
    } catch (const std::runtime_error& error) {
        print_line("refused, a byte is missing: {}", error.what());
    }

    // Restoring means to store values in a type that this program has chosen. So no bytes can make it call
    // anything. In pickle, the bytes choose which function is called, with which arguments.
    const auto hostile = to_bytes(std::vector<std::string>{"os.system", "rm -r /"});
    for (const auto& text : from_bytes<std::vector<std::string>>(hostile)) print_line("only a text: {}", text);
}
