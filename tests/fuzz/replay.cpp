// Replaces libFuzzer if clang is missing: runs the target on each file of the given folders, and on prefixes
// and mixtures of them.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run_target(const std::string& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

} // namespace

int main(int count, char** folders) {
    std::vector<std::string> inputs;
    for (int i = 1; i < count; ++i)
        for (const auto& entry : std::filesystem::directory_iterator{folders[i]})
            inputs.emplace_back(std::istreambuf_iterator<char>{std::ifstream{entry.path()}.rdbuf()},
                                std::istreambuf_iterator<char>{});
    if (inputs.empty()) {
        std::fputs("no input in the folders named\n", stderr);
        return 1;
    }
    std::mt19937 random{1}; // the same inputs in each run
    const auto random_input = [&]() -> const std::string& { return inputs[random() % inputs.size()]; };
    for (const auto& input : inputs) run_target(input);
    for (int i = 0; i != 2000; ++i) {
        auto mixed = random_input().substr(0, random() % 64) + random_input();
        if (!mixed.empty()) mixed[random() % mixed.size()] = static_cast<char>(random());
        run_target(mixed);
    }
    std::printf("%zu inputs of the corpus, and 2000 made of them\n", inputs.size());
}
