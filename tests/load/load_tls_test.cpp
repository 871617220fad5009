// Tests of TLS in the load generator: certificate checks, handshake errors, truncated connections.
#include "client/load/engine/run_load.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/temporary_folder.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sstream>
#include <thread>

namespace parley {

using namespace std::chrono_literals;

namespace {

/// OpenSSL writes to sockets that the peer may have closed; here both server and client do.
[[maybe_unused]] const auto ignored = std::signal(SIGPIPE, SIG_IGN);

template <auto Function>
struct calls {
    template <class Object>
    void operator()(Object* object) const {
        Function(object);
    }
};

using key_owner = std::unique_ptr<EVP_PKEY, calls<EVP_PKEY_free>>;
using certificate_owner = std::unique_ptr<X509, calls<X509_free>>;
using context_owner = std::unique_ptr<SSL_CTX, calls<SSL_CTX_free>>;
using tls_owner = std::unique_ptr<SSL, calls<SSL_free>>;

/// A self-signed certificate for the loopback address of this test and for parley.test.
class identity {
public:
    identity() {
        X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), -60);
        X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), 3600);
        X509_set_version(certificate_.get(), X509_VERSION_3);
        X509_set_pubkey(certificate_.get(), key_.get());
        auto* const name = X509_get_subject_name(certificate_.get());
        const std::array<unsigned char, 6> text{'p', 'a', 'r', 'l', 'e', 'y'};
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text.data(), text.size(), -1, 0);
        X509_set_issuer_name(certificate_.get(), name);
        const std::unique_ptr<X509_EXTENSION, calls<X509_EXTENSION_free>> names{
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                                fmt::format("IP:{},DNS:parley.test", own_loopback()).c_str())};
        X509_add_ext(certificate_.get(), names.get(), -1);
        REQUIRE(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
        const std::unique_ptr<FILE, calls<std::fclose>> file{std::fopen(path().c_str(), "w")};
        REQUIRE(PEM_write_X509(file.get(), certificate_.get()) == 1);
    }

    [[nodiscard]] std::string path() const { return folder_.file("certificate.pem"); }

    [[nodiscard]] context_owner context() const {
        context_owner context{SSL_CTX_new(TLS_server_method())};
        SSL_CTX_use_certificate(context.get(), certificate_.get());
        REQUIRE(SSL_CTX_use_PrivateKey(context.get(), key_.get()) == 1);
        return context;
    }

private:
    temporary_folder folder_;
    key_owner key_{EVP_EC_gen("P-256")};
    certificate_owner certificate_{X509_new()};
};

/// A TLS echo server. `end` runs at the end of a connection: by default a TLS shutdown.
class tls_echo {
public:
    using ending = std::function<void(SSL*)>;

    explicit tls_echo(ending end = [](SSL* tls) { SSL_shutdown(tls); }) : end_{std::move(end)} {}

    [[nodiscard]] load_options options_for(std::uint64_t requests, int connections = 1) const {
        load_options options;
        options.target = server_.endpoint().to_string();
        options.total = requests;
        options.connections = connections;
        options.timeout = 5s;
        options.tls = tls_options{.name = {}, .authorities = identity_.path(), .verifies = true};
        return options;
    }

    [[nodiscard]] const scripted_server& server() const { return server_; }
    [[nodiscard]] const identity& server_identity() const { return identity_; }

private:
    void serve(const connection& connection) const {
        const tls_owner tls{SSL_new(context_.get())};
        SSL_set_fd(tls.get(), connection.descriptor());
        if (SSL_accept(tls.get()) != 1) return;
        std::array<char, 10'000> bytes;
        for (;;) {
            const int count = SSL_read(tls.get(), bytes.data(), bytes.size());
            if (count <= 0) break;
            if (SSL_write(tls.get(), bytes.data(), count) != count) return;
        }
        end_(tls.get());
    }

    identity identity_;
    ending end_;
    context_owner context_ = identity_.context();
    scripted_server server_{[this](connection& connection, int) { serve(connection); }};
};

std::string errors_of(const load_result& result) {
    std::string text;
    for (const auto& [failure, count] : result.stats.errors.kinds())
        text += fmt::format("{}{} {}: {}", text.empty() ? "" : "; ", to_string(failure.where), failure.call,
                            failure.cause);
    return text;
}

load_result put_load(const load_options& options) { return generate_load(options, -1, {}); }

} // namespace

TEST_CASE("each connection shakes hands, and every byte is verified") {
    const tls_echo server;
    auto options = server.options_for(400, 4);
    options.requests.per_connection = 10;
    options.requests.size = 1'000;
    const auto result = put_load(options);
    CHECK(errors_of(result) == "");
    CHECK(result.stats.answered == 400);
    CHECK(result.stats.bytes_received == 400'000);
    CHECK(result.handshaking.count() == result.connected);
    CHECK(result.connected >= 40);
    CHECK(result.tls.starts_with("TLSv1.3, "));
}

TEST_CASE("requests larger than a record and than all buffers go through, many at once too") {
    const tls_echo server;
    auto options = server.options_for(6, 2);
    options.requests.size = 3'000'001;
    CHECK(errors_of(put_load(options)) == "");
    options = server.options_for(2'000, 2);
    options.requests.pipeline = 20;
    const auto result = put_load(options);
    CHECK(errors_of(result) == "");
    CHECK(result.stats.answered == 2'000);
}

TEST_CASE("in an open loop, TLS's own messages are no replies") {
    const tls_echo server;
    auto options = server.options_for(0, 5);
    options.total.reset();
    options.duration = 600ms;
    options.warm_up = 0s;
    options.rate = 200;
    const auto result = put_load(options);
    CHECK(errors_of(result) == "");
    CHECK(result.stats.answered > 0);
}

TEST_CASE("a server that is not who it should be gets no request") {
    const tls_echo server;
    auto options = server.options_for(10);
    SUBCASE("nobody known has signed its certificate") { options.tls->authorities.clear(); }
    SUBCASE("its certificate is for others") { options.tls->name = "other.test"; }
    SUBCASE("its certificate is for other addresses") { options.tls->name = "127.0.0.2"; }
    const auto refused = put_load(options);
    CHECK(errors_of(refused) == "handshake SSL_connect: certificate");
    CHECK(refused.stats.all_asked == 0);
    CHECK(refused.end == ending::connect_failed);

    options.tls->verifies = false;
    CHECK(errors_of(put_load(options)) == "");
}

TEST_CASE("the certificate may be for a name that is not in the address") {
    const tls_echo server;
    auto options = server.options_for(10);
    options.tls->name = "parley.test.";
    CHECK(errors_of(put_load(options)) == "");
}

TEST_CASE("a server without TLS fails the handshake, each in its way") {
    const std::string text = "welcome to here\n";
    const struct {
        std::function<void(connection&, int)> does;
        std::string_view error;
    } rows[] = {
        {[&](connection& connection, int) { std::ignore = connection.write_some(text); },
         "handshake SSL_connect: wrong version number"},
        {[](connection&, int) {}, "handshake SSL_connect: "},
        {[](connection& connection, int) { echo(connection); }, "handshake SSL_connect: "},
    };
    for (const auto& row : rows) {
        const scripted_server server{row.does};
        load_options options;
        options.target = server.endpoint().to_string();
        options.total = 1;
        options.timeout = 300ms;
        options.tls = tls_options{.name = "parley.test", .authorities = {}, .verifies = false};
        const auto result = put_load(options);
        CHECK(errors_of(result).starts_with(row.error));
        CHECK(result.end == ending::connect_failed);
    }
}

TEST_CASE("a server that says nothing is given up in time") {
    const scripted_server server{[](connection& connection, int) {
        std::array<char, 1000> bytes;
        while (const auto chunk = connection.read_some(bytes))
            if (chunk->empty()) break;
    }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.total = 1;
    options.timeout = 200ms;
    options.tls = tls_options{.name = "parley.test", .authorities = {}, .verifies = false};
    CHECK(errors_of(put_load(options)) == "handshake SSL_connect: ETIMEDOUT");
}

TEST_CASE("an end without TLS's own end is cut off, unless we have ended first") {
    const tls_echo forgets{[](SSL*) {}};
    CHECK(errors_of(put_load(forgets.options_for(10))) == "");

    const identity server_identity;
    const auto context = server_identity.context();
    const scripted_server server{[&](connection& connection, int) {
        const tls_owner tls{SSL_new(context.get())};
        SSL_set_fd(tls.get(), connection.descriptor());
        std::array<char, 100> bytes;
        if (SSL_accept(tls.get()) == 1) std::ignore = SSL_read(tls.get(), bytes.data(), bytes.size());
    }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.total = 1;
    options.timeout = 5s;
    options.tls = tls_options{.name = {}, .authorities = server_identity.path(), .verifies = true};
    CHECK(errors_of(put_load(options)).starts_with("read SSL_read: truncated"));
}

TEST_CASE("the command line says it all") {
    const tls_echo server;
    const temporary_folder folder;
    const auto run = [&](std::vector<std::string> options, std::string* output) {
        std::vector<std::string> arguments{PARLEY_LOAD, server.server().endpoint().to_string(), "--requests",
                                           "50"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        subprocess program{std::move(arguments), subprocess::errors::kept};
        const auto end = program.wait(60s);
        *output = program.rest_of_output() + program.error_output();
        return end ? end->exit_code().value_or(-1) : -1;
    };
    std::string output;
    CHECK(run({"--tls", "--tls-ca", server.server_identity().path()}, &output) == 0);
    CHECK(output.find("handshake") != output.npos);
    CHECK(output.find("the certificate was verified") != output.npos);
    CHECK(run({"--tls", "--tls-ca", server.server_identity().path(), "--tls-name", "parley.test"}, &output) ==
          0);
    CHECK(run({"--tls", "--tls-insecure"}, &output) == 0);
    CHECK(output.find("nothing was verified") != output.npos);
    CHECK(run({"--tls"}, &output) == 1);
    CHECK(output.find("trust its issuer with --tls-ca") != output.npos);
    CHECK(run({"--tls", "--tls-ca", folder.file("none.pem")}, &output) == 2);
    CHECK(output.find("none.pem") != output.npos);
    CHECK(run({"--tls-insecure"}, &output) == 2);
    CHECK(output.find("--tls") != output.npos);
}

} // namespace parley
