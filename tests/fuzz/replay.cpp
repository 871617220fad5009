// Stands in for libFuzzer where there is no clang: gives the target each file of the folders that are named,
// and beginnings and mixtures of them.
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

void give(const std::string& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

} // namespace

int main(int count, char** folders) {
    std::vector<std::string> inputs;
    for (int i = 1; i < count; ++i)
        for (const auto& each : std::filesystem::directory_iterator{folders[i]})
            inputs.emplace_back(std::istreambuf_iterator<char>{std::ifstream{each.path()}.rdbuf()},
                                std::istreambuf_iterator<char>{});
    if (inputs.empty()) {
        std::fputs("no input in the folders named\n", stderr);
        return 1;
    }
    std::mt19937 random{1}; // the same inputs each time
    const auto any = [&]() -> const std::string& { return inputs[random() % inputs.size()]; };
    for (const auto& each : inputs) give(each);
    for (int i = 0; i != 2000; ++i) {
        auto mixed = any().substr(0, random() % 64) + any();
        if (!mixed.empty()) mixed[random() % mixed.size()] = static_cast<char>(random());
        give(mixed);
    }
    std::printf("%zu inputs of the corpus, and 2000 made of them\n", inputs.size());
}
