// Tests of --user: all of root's rights are given up for good. Most tests need root.
#include "server/host/privileges.hpp"
#include "tests/support/model_variants.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <fstream>
#include <functional>
#include <grp.h>
#include <iterator>
#include <pwd.h>
#include <set>
#include <sstream>
#include <sys/stat.h>

namespace parley {

namespace {

/// True if this process may become another user. Reports the skipped test if not.
bool is_root() {
    if (geteuid() == 0 && getgroups(0, nullptr) >= 0) return true;
    MESSAGE("not tested: only root can become another user");
    return false;
}

std::string error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "nothing";
}

/// Returns the words after NAME: in /proc/PROCESS/status.
std::set<std::string> ids_of(pid_t process, std::string_view name) {
    std::ifstream status{fmt::format("/proc/{}/status", process)};
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with(name)) continue;
        std::istringstream words{line.substr(name.size())};
        return {std::istream_iterator<std::string>{words}, {}};
    }
    return {};
}

} // namespace

TEST_CASE("a user who is not there, or who is root, is refused") {
    CHECK_THROWS_WITH_AS(find_account("no-such-user"), "no such user 'no-such-user'", std::invalid_argument);
    CHECK_THROWS_WITH_AS(find_account("root"), "the user root is root: name another one",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(find_account("0:1000"), "the user 0 is root: name another one", std::invalid_argument);
    for (const auto* user : {"-1", "4294967295", "99999999999", ""})
        CHECK_THROWS_WITH_AS(find_account(user), doctest::Contains("no such user"), std::invalid_argument);
    CHECK_THROWS_WITH_AS(find_account("nobody:no-such-group"), "no such group 'no-such-group'",
                         std::invalid_argument);
}

TEST_CASE("a user may be a number, and may have one group and no other") {
    const auto nobody = find_account("nobody");
    CHECK(nobody.all_groups);
    const auto by_number = find_account(std::to_string(nobody.user));
    CHECK(by_number.name == "nobody");
    CHECK(by_number.group == nobody.group);
    const auto in_group = find_account("nobody:daemon");
    CHECK(in_group.user == nobody.user);
    CHECK(in_group.group == find_account("daemon").group);
    CHECK_FALSE(in_group.all_groups);

    std::string unknown = "54321";
    while (getpwuid(static_cast<uid_t>(std::stoul(unknown)))) unknown += '1';
    CHECK_THROWS_WITH_AS(find_account(unknown), doctest::Contains((unknown + ":GROUP").c_str()),
                         std::invalid_argument);
    const auto numbers = find_account(unknown + ":7");
    CHECK(std::to_string(numbers.user) == unknown);
    CHECK(numbers.group == 7);
    CHECK(numbers.home == "/");
}

TEST_CASE("who has become another user is that user alone, and cannot go back") {
    if (!is_root()) return;
    CHECK(run_in_fork([] {
              const auto nobody = find_account("nobody");
              const gid_t extra = 0;
              require(setgroups(1, &extra) == 0, "root's group");
              drop_privileges(nobody);
              uid_t users[3];
              gid_t groups[3];
              require(getresuid(&users[0], &users[1], &users[2]) == 0, "users");
              require(getresgid(&groups[0], &groups[1], &groups[2]) == 0, "groups");
              for (const auto user : users) require(user == nobody.user, "each user");
              for (const auto group : groups) require(group == nobody.group, "each group");
              gid_t supplementary[64];
              const int count = getgroups(64, supplementary);
              for (int i = 0; i < count; ++i) require(supplementary[i] != 0, "root's group is gone");
              require(setuid(0) != 0 && seteuid(0) != 0 && setgid(0) != 0, "no way back");
              require(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "sudo does not help back");
              require(getenv("USER") == nobody.name && getenv("HOME") == nobody.home, "the environment");
          }) == "exit 0");
}

TEST_CASE("only root can become another user") {
    if (!is_root()) return;
    CHECK(run_in_fork([] {
              const auto nobody = find_account("nobody"), daemon = find_account("daemon");
              drop_privileges(nobody);
              require(error_of([&] { drop_privileges(daemon); }) == "only root can become the user daemon",
                      "refused");
          }) == "exit 0");
}

TEST_CASE("a server and all its processes run as the user that it was told to") {
    if (!is_root()) return;
    const auto nobody = find_account("nobody");
    server_under_test server{"prefork", "echo", {"--user", "nobody", "--workers", "2"}};
    auto connection = connect_to(server.endpoint());
    send_all(connection, "x");
    CHECK(read_next(connection) == "x");
    CHECK(eventually([&] { return processes_in_group(server.process().pid()).size() == 3; }));
    for (const auto& process : processes_in_group(server.process().pid())) {
        CHECK(ids_of(process.process, "Uid:") == std::set{std::to_string(nobody.user)});
        CHECK(ids_of(process.process, "Gid:") == std::set{std::to_string(nobody.group)});
        CHECK(!ids_of(process.process, "Groups:").contains("0"));
        CHECK(ids_of(process.process, "CapEff:") == std::set<std::string>{"0000000000000000"});
    }
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("every model serves as the user that it was told to, however many sockets it needs") {
    if (!is_root()) return;
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("echo", {"--user", "nobody", "--workers", "3"});
        for (int client = 0; client != 6; ++client) {
            auto connection = connect_to(server.endpoint());
            send_all(connection, "x");
            CHECK(read_next(connection) == "x");
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a command runs as that user, and is told so") {
    if (!is_root()) return;
    const auto nobody = find_account("nobody");
    server_under_test server{"exec", "welcome", {"--user", "nobody", "--", "sh", "-c", "id -un; echo $HOME"}};
    auto connection = connect_to(server.endpoint());
    CHECK(read_to_end(connection) == "nobody\n" + nobody.home + "\n");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a command that only root may run is refused before the server listens") {
    if (!is_root()) return;
    const temporary_folder folder;
    const auto script = folder.file("script");
    std::ofstream{script} << "#!/bin/sh\n";
    chmod(script.c_str(), 0700);
    subprocess server{
        {PARLEY_SERVER, "--user", "nobody", "--model", "exec", "--listen", "127.0.0.1:0", "--", script},
        subprocess::errors::kept};
    const auto end = server.wait(time_limit);
    REQUIRE(end);
    CHECK(end->exit_code() == 1);
    CHECK(server.error_output() == fmt::format("parley-server: exec {}: Permission denied\n", script));
}

TEST_CASE("a UNIX socket's file that may no more be removed is left behind, with a line in the log") {
    if (!is_root()) return;
    const temporary_folder folder; // root's, with mode 700
    const auto file = folder.file("socket");
    server_under_test server{"thread", "echo", {"--user", "nobody", "--listen", "unix:" + file}};
    CHECK(server.stop().end.exit_code() == 0);
    CHECK(server.process().error_output().find(fmt::format("unlink {}: Permission denied", file)) !=
          std::string::npos);
    CHECK(std::filesystem::exists(file));
}

TEST_CASE("a UNIX socket belongs to the user, who removes it where the folder lets it") {
    if (!is_root()) return;
    const auto nobody = find_account("nobody");
    for (const mode_t mode : {mode_t{01777}, mode_t{0700}}) { // a folder like /tmp, and one of the user's own
        const temporary_folder folder;
        REQUIRE(chmod(folder.path().c_str(), mode) == 0);
        if (mode == 0700) REQUIRE(chown(folder.path().c_str(), nobody.user, nobody.group) == 0);
        const auto file = folder.file("socket");
        server_under_test server{"thread", "echo", {"--user", "nobody", "--listen", "unix:" + file}};
        struct stat bound {};
        REQUIRE(stat(file.c_str(), &bound) == 0);
        CHECK(bound.st_uid == nobody.user);
        CHECK(bound.st_gid == nobody.group);
        CHECK((bound.st_mode & 0777) == 0600);
        CHECK(server.shutdown_problems() == "");
        CHECK_FALSE(std::filesystem::exists(file));
    }
}

TEST_CASE("a user who cannot be had costs one line") {
    const auto check_refused = [](const std::string& user, int code, std::string_view line) {
        subprocess server{{PARLEY_SERVER, "--user", user, "--listen", "127.0.0.1:0"}, subprocess::errors::kept};
        const auto end = server.wait(time_limit);
        REQUIRE(end);
        CHECK(end->exit_code() == code);
        CHECK(server.error_output() == fmt::format("parley-server: {}\n", line));
        CHECK(server.rest_of_output() == "");
    };
    check_refused("no-such-user", 2, "no such user 'no-such-user'");
    check_refused("root", 2, "the user root is root: name another one");
    if (geteuid() != 0) check_refused("nobody", 1, "only root can become the user nobody");
}

} // namespace parley
