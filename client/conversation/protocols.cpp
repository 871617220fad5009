// The protocols from the client side. Each session sends requests until its request cycle has no more. Then the
// client shuts down its write side, and the server must close without a further byte.
#include "client/conversation/protocols.hpp"

#include "common/pi_digits.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <stdexcept>

namespace parley {

namespace {

// ---- The sessions. ----

/// For services with a fixed response to a request: welcome (the request is empty), pi, wait.
session known_response(request_cycle& session) {
    const auto& plan = session.plan();
    for (co_await session.turn(); session.begin(); co_await session.turn()) {
        session.ask(plan.request, expected_response{plan.response});
        co_await reply(plan.request);
        while (!session.complete()) session.take(co_await read_some());
        if (const auto time = session.answered(); time < plan.least_time)
            session.complain("too early",
                             fmt::format("{} came after {} us", in_quotes(plan.response),
                                         std::chrono::floor<std::chrono::microseconds>(time).count()));
    }
    session.take(co_await read_some());
}

session echo_of_messages(request_cycle& session) {
    for (co_await session.turn(); session.begin(); co_await session.turn()) {
        const auto text = session.message();
        session.ask(text, expected_response{text});
        co_await reply(text);
        while (!session.complete()) session.take(co_await read_some());
        session.answered();
    }
    session.take(co_await read_some());
}

session echo_of_bytes(request_cycle& session) {
    for (co_await session.turn(); session.begin(); co_await session.turn()) {
        for (;;) {
            const auto part = session.next_part();
            if (!part.empty())
                co_await reply(part);
            else if (!session.complete())
                session.take(co_await read_some());
            else
                break;
        }
        session.answered();
    }
    session.take(co_await read_some());
}

/// For echo, and for raw if the expected response is a text.
session batches(request_cycle& session) {
    for (;;) {
        co_await session.turn();
        const auto text = session.batch();
        if (text.empty()) break;
        co_await reply(text);
        while (!session.complete()) session.take(co_await read_some());
    }
    session.take(co_await read_some());
}

session echo(request_cycle& session) {
    if (session.plan().options.pipeline > 1) return batches(session);
    return session.plan().options.how == framing::none ? echo_of_bytes(session) : echo_of_messages(session);
}

session raw_one_by_one(request_cycle& session) {
    match_response response{*session.plan().rule};
    for (co_await session.turn(); session.begin(); co_await session.turn()) {
        const auto text = session.ask(session.plan().request, {});
        co_await reply(text);
        response.restart();
        while (!response.complete()) session.take(response, co_await read_some());
        session.answered();
    }
    session.take(co_await read_some());
}

/// For any third-party server.
session raw(request_cycle& session) {
    return session.plan().options.pipeline > 1 ? batches(session) : raw_one_by_one(session);
}

session counter(request_cycle& session) {
    std::uint64_t last = 0;
    for (co_await session.turn(); session.begin(); co_await session.turn()) {
        const auto line = session.ask(session.line(), expected_response{"", "\n"});
        co_await reply(line);
        while (!session.complete()) session.take(co_await read_some());
        session.answered();

        const auto value = session.number();
        if (!session.is_new(value))
            session.complain("lost update", fmt::format("the counter gave {} twice", value));
        else if (value <= last)
            session.complain("counted back", fmt::format("the counter gave {} after {}", value, last));
        last = value;
    }
    session.take(co_await read_some());
}

session hello(request_cycle& session) {
    std::string greeting;
    for (co_await session.turn(); session.begin(); co_await session.turn()) {
        const auto line = session.line();
        greeting.clear();
        fmt::format_to(std::back_inserter(greeting), "Hello, {} (request {}, worker ",
                       line.substr(0, line.size() - 1), session.request());
        session.ask(line, expected_response{greeting, ")\n"});
        co_await reply(line);
        while (!session.complete()) session.take(co_await read_some());
        session.answered();
    }
    session.take(co_await read_some());
}

// ---- Preparation of the plans. ----

/// Uses the request of --say, if it is given.
void take_request_text(request_plan& plan) {
    const auto& text = plan.options.say;
    if (!text) return;
    if (text->find('\n') != text->npos) throw std::invalid_argument("--say must be one line without a newline");
    plan.request = *text + '\n';
}

/// Returns the number of --say, or `default_number` if it is not given.
int number_requested(const request_plan& plan, int default_number) {
    const auto& text = plan.options.say;
    if (!text) return default_number;
    int number = 0;
    const auto* end = text->data() + text->size();
    const auto [parsed, error] = std::from_chars(text->data(), end, number);
    if (error != std::errc{} || parsed != end)
        throw std::invalid_argument(fmt::format("this service needs a number, not {}", in_quotes(*text)));
    return number;
}

void check_size(const request_plan& plan, std::size_t most) {
    if (plan.options.size < 1 || plan.options.size > most)
        throw std::invalid_argument(fmt::format("a request to this service has 1 to {} bytes, not {} (--size)",
                                                most, plan.options.size));
}

void prepare_welcome(request_plan& plan) {
    if (!plan.options.say.value_or("").empty())
        throw std::invalid_argument("service welcome takes no request: choose another --service, or --say ''");
    plan.response = plan.options.greeting + '\n';
    plan.options.per_connection = 1;
}

/// Throws if a batch is too large: it is sent completely before its responses are read, so the socket buffers
/// must hold it.
void check_batch(const request_plan& plan, std::size_t size) {
    const auto count = static_cast<std::size_t>(plan.options.pipeline);
    if (count > 1 && count * size > request_cycle::most_under_way)
        throw std::invalid_argument(
            fmt::format("a batch of {} requests of {} bytes is too large: at most {} bytes "
                        "(--pipeline, --size)",
                        count, size, request_cycle::most_under_way));
}

void prepare_echo(request_plan& plan) {
    // A message is sent completely before its response is read, so the socket buffers must hold it.
    check_size(plan, plan.options.how == framing::none ? 1 << 30 : request_cycle::most_under_way);
    take_request_text(plan);
    if (plan.options.how != framing::none && !plan.request.empty())
        plan.request = framed(*plan.options.say, plan.options.how);
    check_batch(plan, plan.request.empty() ? plan.options.size : plan.request.size());
}

void prepare_line(request_plan& plan) {
    check_size(plan, input_buffer::line_limit);
    take_request_text(plan);
}

void prepare_pi(request_plan& plan) {
    constexpr int most = 100'000; // the client computes the digits, too
    const auto digits = number_requested(plan, plan.options.digits);
    if (digits < 1 || digits > most)
        throw std::invalid_argument(fmt::format("service pi takes 1 to {} digits, not {}", most, digits));
    plan.request = fmt::format("{}\n", digits);
    plan.response = pi_digits(digits) + '\n';
}

void prepare_wait(request_plan& plan) {
    const auto time = number_requested(plan, static_cast<int>(plan.options.wait.count()));
    if (time < 0) throw std::invalid_argument(fmt::format("service wait takes 0 ms or more, not {} ms", time));
    plan.least_time = std::chrono::milliseconds{time};
    plan.request = fmt::format("{}\n", time);
    plan.response = fmt::format("waited {} ms\n", time);
}

void prepare_raw(request_plan& plan) {
    const auto& options = plan.options;
    if (options.expect.empty())
        throw std::invalid_argument("service raw needs an expected response: give --expect");
    plan.rule.emplace(options.expect, options.how);
    if (!options.send.empty()) plan.request = framed(options.send, options.how);
    if (options.pipeline > 1 && (plan.rule->what() != response_matcher::kind::text || options.send.empty()))
        throw std::invalid_argument("--pipeline needs --send, and a text for --expect");
    check_batch(plan, std::max(plan.request.size(), plan.rule->text().size()));
    if (options.send.empty() || plan.rule->what() == response_matcher::kind::until_close)
        plan.options.per_connection = 1;
}

} // namespace

std::span<const protocol> protocols() {
    static constexpr protocol table[] = {
        {"welcome", "reads the greeting", prepare_welcome, known_response, false},
        {"echo", "sends bytes, expects the same bytes", prepare_echo, echo, true},
        {"counter", "sends a line, expects a number that no client got before", prepare_line, counter, true},
        {"hello", "sends a name, expects a greeting with it", prepare_line, hello, true},
        {"pi", "sends a number of digits, expects these digits of pi", prepare_pi, known_response, true},
        {"wait", "sends a time, expects a response after it", prepare_wait, known_response, true},
        {"raw", "sends and expects given bytes, for any server", prepare_raw, raw, true},
    };
    return table;
}

const protocol& protocol_for(std::string_view service) {
    std::string known;
    for (const auto& protocol : protocols()) {
        if (protocol.service == service) return protocol;
        known.append(known.empty() ? "" : ", ").append(protocol.service);
    }
    throw std::invalid_argument(fmt::format("unknown service {}: choose one of {}", in_quotes(service), known));
}

request_plan plan_requests(const protocol& protocol, const request_options& options) {
    request_plan plan{options, {}, {}, {}};
    if (options.pipeline < 1 || options.pipeline > 10'000)
        throw std::invalid_argument(fmt::format("--pipeline must be 1 to 10000, not {}", options.pipeline));
    if (options.pipeline > 1 && protocol.service != "echo" && protocol.service != "raw")
        throw std::invalid_argument(
            fmt::format("service {} has no pipelining: use --pipeline with echo or raw", protocol.service));
    protocol.prepare(plan);
    return plan;
}

} // namespace parley
