// Tests of command lines: wrong arguments cost one clear line and leave nothing behind, and every option has
// accepted values.
#include "common/net/listener.hpp"
#include "server/model.hpp"
#include "server/options.hpp"
#include "server/service.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace parley {

namespace {

using words = std::vector<std::string>;

program_result run(words command) {
    auto result = run_program(std::move(command));
    CHECK_FALSE(result.left_processes);
    return result;
}

program_result run_server(words arguments) {
    arguments.insert(arguments.begin(), PARLEY_SERVER);
    return run(std::move(arguments));
}

/// Checks that the server refused with one line that contains `complaint`, and with this exit code.
void check_refusal(const program_result& result, int code, const std::string& complaint) {
    CHECK(result.code == code);
    CHECK(result.output.empty());
    CHECK(result.errors.starts_with("parley-server: "));
    CHECK(result.errors.find('\n') == result.errors.size() - 1);
    if (result.errors.find(complaint) == std::string::npos)
        FAIL_CHECK("'", complaint, "' is not in: ", result.errors);
}

void check_refusal(const words& arguments, int code, const std::string& complaint) {
    INFO("parley-server ", fmt::format("{}", fmt::join(arguments, " ")));
    check_refusal(run_server(arguments), code, complaint);
}

/// Starts a server with these arguments; it must become ready and stop cleanly.
void check_acceptance(const words& arguments) {
    INFO("parley-server ", fmt::format("{}", fmt::join(arguments, " ")));
    running_server server{PARLEY_SERVER, arguments, subprocess::errors::kept};
    const auto result = server.stop();
    CHECK(result.end.exit_code() == 0);
    CHECK_FALSE(result.left_processes);
}

const std::string any_port = "127.0.0.1:0";

} // namespace

TEST_CASE("an unknown model or service is refused with the list of those known") {
    for (const auto& model : models()) check_refusal({"--model", "theads"}, 2, std::string{model.name});
    for (const auto& row : services()) check_refusal({"--service", "ecko"}, 2, std::string{row.name});
    check_refusal({"--model", ""}, 2, "no such model ''");
    check_refusal({"--service", "echo\necho"}, 2, "no such service");
}

TEST_CASE("an address that is none is refused") {
    for (const auto* text : {"", "9999", "127.0.0.1", "127.0.0.1:70007", "127.0.0.1:65536", "127.0.0.1:-1",
                             "127.0.0.1:http", "::1:80", "[::1]", ":80", "unix:"})
        check_refusal({"--listen", text}, 2, fmt::format("'{}'", text));
    check_refusal({"--listen", "unix:" + std::string(200, 'x')}, 2, "xxx");
}

TEST_CASE("an address that cannot be had is refused with the reason") {
    check_refusal({"--listen", "no..such.host:9999"}, 1, "no such host 'no..such.host'");
    check_refusal({"--listen", "192.0.2.1:9999"}, 1, "bind 192.0.2.1:9999: Cannot assign requested address");
    check_refusal({"--listen", "unix:/no/such/folder/socket"}, 1, "No such file or directory");
    const listener occupant{address::resolve(any_port).front(), {}};
    const auto name = occupant.addresses().front().to_string();
    for (const auto& model : models())
        if (!model.datagrams && !model.commands && model.obstacle().empty())
            check_refusal({"--model", std::string{model.name}, "--listen", name}, 1,
                          fmt::format("bind {}: Address already in use", name));
}

TEST_CASE("a name is listened to at all its addresses, at the same port") {
    std::size_t usable = 0; // on this machine, which may have no IPv6
    for (const auto& address : address::resolve("localhost:0")) {
        try {
            const listener probe{address, {}};
            ++usable;
        } catch (const std::system_error&) {
        }
    }
    running_server server{PARLEY_SERVER, {"--service", "echo"}, subprocess::errors::kept, "localhost:0"};
    std::vector<address> bound{server.endpoint()};
    while (bound.size() < usable) bound.push_back(ready_address(server.process().read_line(time_limit)));
    for (const auto& address : bound) {
        CHECK(address.port() == bound.front().port());
        auto connection = connect_to(address);
        send_all(connection, "x");
        CHECK(read_next(connection) == "x");
    }
    CHECK(server.stop().end.exit_code() == 0);
}

TEST_CASE("a privileged port is refused to who is not privileged") {
    int first_free = 1024;
    std::ifstream{"/proc/sys/net/ipv4/ip_unprivileged_port_start"} >> first_free;
    if (first_free <= 1) {
        MESSAGE("not tested: here every user may bind every port");
        return;
    }
    words command{PARLEY_SERVER, "--listen", "127.0.0.1:1"};
    // Root without the capability is refused like any other user (capabilities(7)).
    if (geteuid() == 0) command.insert(command.begin(), {"setpriv", "--bounding-set=-net_bind_service"});
    check_refusal(run(command), 1, "bind 127.0.0.1:1: Permission denied");
}

TEST_CASE("a file that is no dead socket is not replaced, and stays") {
    const temporary_folder folder;
    const auto file = folder.file("file");
    std::ofstream{file} << "precious";
    check_refusal({"--listen", "unix:" + file}, 1, file);
    std::string content;
    std::ifstream{file} >> content;
    CHECK(content == "precious");
}

TEST_CASE("absurd numbers are refused") {
    for (const auto* option :
         {"--workers", "--threads", "--min-spare", "--max-spare", "--max-workers",
          "--max-connections-per-worker", "--max-connections", "--backlog", "--max-digits"})
        for (const auto* number : {"0", "-1", "4294967297", "99999999999999999999", "1.5", "1e3", "many", "",
                                   "010", "0x4", "+4", "4 "})
            check_refusal({"--model", "prefork", option, number}, 2, option);
}

TEST_CASE("no program takes a number that is not plain, or wraps one round") {
    const struct {
        words command;
        std::string option;
    } rows[] = {
        {{PARLEY_LOAD, "127.0.0.1:1"}, "--requests"},
        {{PARLEY_LOAD, "127.0.0.1:1"}, "--connections"},
        {{PARLEY_LOAD, "127.0.0.1:1"}, "--size"},
        {{PARLEY_LOAD, "127.0.0.1:1"}, "--per-connection"},
        {{PARLEY_LOAD, "127.0.0.1:1"}, "--threads"},
        {{PARLEY_LOAD, "127.0.0.1:1"}, "--pipeline"},
        {{PARLEY_LOAD, "127.0.0.1:1"}, "--seed"},
        {{PARLEY_LOAD, "127.0.0.1:1"}, "--digits"},
        {{PARLEY_LOAD, "127.0.0.1:1"}, "--repeat"},
        {{PARLEY_COMPARE, "--models", "none"}, "--connections"},
        {{PARLEY_COMPARE, "--models", "none"}, "--size"},
        {{PARLEY_COMPARE, "--models", "none"}, "--rounds"},
        {{PARLEY_COMPARE, "--models", "none"}, "--seed"},
        {{PARLEY_TOP, "--once"}, "pid"},
    };
    for (const auto& row : rows) {
        for (const auto* number : {"010", "0x4", "-1", "18446744073709551616", "1.5", "1e3", "many"}) {
            auto command = row.command;
            if (row.option.starts_with("--"))
                command.push_back(row.option + "=" + number);
            else
                command.insert(command.end(), {"--", number});
            INFO(fmt::format("{}", fmt::join(command, " ")));
            const auto result = run(command);
            CHECK(result.code == 2);
            CHECK(result.errors.find(row.option + ": ") != std::string::npos);
        }
    }
}

TEST_CASE("what each worker takes is counted in --max-connections") {
    check_refusal({"--model", "prefork", "--workers", "8", "--max-connections", "5"}, 2, "its 8 workers");
    check_refusal({"--model", "hybrid", "--workers", "2", "--threads", "3", "--max-connections", "5"}, 2,
                  "its 6 workers");
    check_refusal({"--model", "loops", "--workers", "2", "--max-connections", "1"}, 2, "--max-connections 1");
    check_refusal({"--model", "prefork", "--workers", "1", "--min-spare", "1", "--max-workers", "9",
                   "--max-connections", "8"},
                  2, "--max-workers");
    for (const auto& model : models()) { // --max-connections lowers the defaults
        server_options options;
        options.max_connections = 1;
        options.service = "echo";
        if (model.commands) options.command = {"cat"};
        apply_defaults(options, model);
        CHECK((!model.workers_serve || options.workers * (model.threads_serve ? options.threads : 1) == 1));
    }
}

TEST_CASE("absurd times are refused") {
    for (const auto* option : {"--idle-timeout", "--grace", "--max-wait"})
        for (const auto* time : {"10", "-1s", "1.5s", "25h", "99999999999999999999s", "soon", ""})
            check_refusal({option, time}, 2, option);
}

TEST_CASE("what can be chosen is listed where it is chosen wrongly") {
    check_refusal({"--log-level", "loud"}, 2, "choose trace, debug, info, warn, error or off");
    check_refusal({"--counter", "wrong"}, 2, "choose mutex, atomic, unlocked or private");
    check_refusal({"--accept", "nobody"}, 2, "--accept nobody does not fit the model thread");
    check_refusal({"--model", "prefork", "--accept", "main"}, 2,
                  "choose each, file-lock, mutex, pass, reuseport");
    check_refusal({"--model", "loops", "--in", "boxes"}, 2, "processes");
    check_refusal({"--unix-mode", "rw"}, 2, "write three octal digits");
    check_refusal({"--unix-mode", "1000"}, 2, "write three octal digits");
    check_refusal({"--unix-mode", "8"}, 2, "write three octal digits");
    check_refusal({"--user", "no such user"}, 2, "no such user");
}

TEST_CASE("options that do not fit together are refused") {
    check_refusal({"--in", "processes"}, 2, "only loops takes it");
    check_refusal({"--min-spare", "1"}, 2, "only prefork grows");
    check_refusal({"--model", "prefork", "--max-spare", "1"}, 2, "only with --min-spare");
    check_refusal({"--model", "prefork", "--min-spare", "3", "--max-spare", "2"}, 2, "less than --min-spare");
    check_refusal({"--model", "prefork", "--workers", "9", "--min-spare", "1", "--max-workers", "8"}, 2,
                  "less than --workers");
    check_refusal({"--max-connections-per-worker", "1"}, 2, "only prefork replaces its workers");
    check_refusal({"--listen", "udp:127.0.0.1:0"}, 2, "datagram");
    check_refusal({"--model", "exec"}, 2, "-- sort -r");
    check_refusal({"--", "sort"}, 2, "only exec runs one");
}

TEST_CASE("unknown, unfinished and stray words are refused") {
    check_refusal({"--modle", "thread"}, 2, "--modle");
    check_refusal({"--model"}, 2, "--model");
    check_refusal({"stray"}, 2, "the command 'stray' does not fit the model thread");
    check_refusal({"-x"}, 2, "-x");
}

TEST_CASE("every option has values that are good") {
    for (const auto& arguments : std::vector<words>{
             {"--workers", "3"},
             {"-w", "1"},
             {"--model", "hybrid", "--workers", "2", "--threads", "3"},
             {"--model", "prefork", "--min-spare", "1", "--max-spare", "2", "--max-workers", "4"},
             {"--model", "prefork", "--max-connections-per-worker", "5"},
             {"--max-connections", "1"},
             {"--max-connections", "100000"},
             {"--backlog", "1"},
             {"--unix-mode", "666"},
             {"--idle-timeout", "0s"},
             {"--idle-timeout", "24h"},
             {"--grace", "0ms"},
             {"--log-level", "off"},
             {"--greeting", ""},
             {"--counter", "private"},
             {"--max-digits", "1"},
             {"--max-wait", "0s"},
             {"-m", "loops", "--accept", "exclusive", "--in", "processes"},
             {"-s", "pi"},
             {"-l", any_port},
         })
        check_acceptance(arguments);
}

TEST_CASE("what the options of services say is so") {
    const auto answer = [](words arguments, const std::string& service_name, const std::string& request) {
        server_under_test server{"thread", service_name, std::move(arguments)};
        auto connection = connect_to(server.endpoint());
        send_all(connection, request);
        return read_line(connection);
    };
    CHECK(answer({"--greeting", "moin"}, "welcome", "") == "moin\n");
    CHECK(answer({"--max-digits", "3"}, "pi", "3\n") == "3.141\n");
    CHECK(answer({"--max-digits", "3"}, "pi", "4\n").starts_with("error: "));
    CHECK(answer({"--max-wait", "1s"}, "wait", "1001\n").starts_with("error: "));
}

TEST_CASE("the lists name every model and service") {
    const auto list = run_server({"--list"});
    const auto table = run_server({"--list-table"});
    std::string model_names;
    std::string service_names;
    for (const auto& model : models()) {
        model_names += fmt::format("{}\n", model.name);
        CHECK(list.output.find(fmt::format("\n  {} ", model.name)) != std::string::npos);
        CHECK(table.output.find(fmt::format("| `{}` |", model.name)) != std::string::npos);
    }
    for (const auto& row : services()) {
        service_names += fmt::format("{}\n", row.name);
        CHECK(list.output.find(fmt::format("\n  {} ", row.name)) != std::string::npos);
    }
    CHECK(run_server({"--list-models"}).output == model_names);
    CHECK(run_server({"--list-services"}).output == service_names);
    for (const auto* option :
         {"--list", "--list-table", "--list-models", "--list-services", "--version", "--help"}) {
        const auto result = run_server({option});
        CHECK(result.code == 0);
        CHECK(result.errors.empty());
        CHECK(!result.output.empty());
    }
}

TEST_CASE("what asks a server can be told how") {
    server_under_test server{"thread", "pi"};
    const auto endpoint = server.endpoint().to_string();
    for (const auto& arguments : std::vector<words>{
             {"--service", "pi", "--requests", "20", "--connections", "2", "--per-connection", "3", "--digits",
              "7"},
             {"--service", "pi", "--duration", "20ms", "--warm-up", "5ms", "--seed", "7", "--allow-unanswered"},
         }) {
        words command{PARLEY_LOAD, endpoint};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const auto result = run(command);
        CHECK((result.code == 0 || result.code == 3)); // exit status 3: such a short run may be invalid
        CHECK(result.errors.empty());
    }
    CHECK(run({PARLEY_LOAD, endpoint, "--service", "wait", "--wait", "2h", "--requests", "1"}).code != 0);
    CHECK(run({PARLEY_COMPARE, "--seed", "x"}).code == 2);
}

TEST_CASE("every option of every program occurs in a test") {
    std::string tests;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{PARLEY_TESTS}) {
        if (entry.path().extension() != ".cpp") continue;
        std::ostringstream text;
        text << std::ifstream{entry.path()}.rdbuf();
        tests += text.str();
    }
    const std::regex option_pattern{"--[a-z][a-z-]+"};
    for (const auto* program : {PARLEY_SERVER, PARLEY_CLIENT, PARLEY_LOAD, PARLEY_COMPARE, PARLEY_TOP}) {
        const auto help = run({program, "--help"}).output;
        std::set<std::string> options{std::sregex_token_iterator{help.begin(), help.end(), option_pattern}, {}};
        CHECK(options.size() > 2);
        for (const auto& option_name : options)
            if (tests.find('"' + option_name) == std::string::npos)
                FAIL_CHECK(option_name, " of ", program, " is in no test");
    }
}

} // namespace parley
