// Fuzz target for the server's options: a command line, one word per line, is refused with an error or gives
// options within their limits.
#include "server/options.hpp"

#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void check_options(const parley::server_options& options) {
    require(options.workers >= 1 && options.workers <= 10'000);
    require(options.threads >= 1 && options.threads <= 1'000 + 1'000);
    require(options.max_connections >= 1 && options.max_connections <= 100'000);
    require(options.idle_timeout.count() >= 0 && options.idle_timeout <= std::chrono::days{1});
    require(options.grace.count() >= 0 && options.grace <= std::chrono::days{1});
    require(!options.listen.empty() && options.unix_mode <= 0777);
    require(options.min_spare == 0 || options.max_spare >= options.min_spare);
    require(parley::most_workers(options) >= options.workers);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text{reinterpret_cast<const char*>(data), size};
    if (text.find("--l") != text.npos) return 0; // options that print lists
    std::istringstream lines{text};
    std::vector<std::string> words{"parley-server"};
    for (std::string word; std::getline(lines, word);) words.push_back(word);
    std::vector<char*> pointers;
    for (auto& argument : words) pointers.push_back(argument.data());

    CLI::App app;
    parley::server_options options;
    try {
        parley::describe_options(app, options);
        app.parse(static_cast<int>(pointers.size()), pointers.data());
        parley::apply_defaults(options, parley::find_model(options.model));
        parley::find_service(options.service);
        check_options(options);
    } catch (const CLI::ParseError&) {
    } catch (const std::invalid_argument&) {
    }
    return 0;
}
