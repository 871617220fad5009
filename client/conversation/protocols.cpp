// What the services promise, said from the other side. Each conversation asks until its exchange has no more
// requests; then the end of our output makes the server end its own, and not a byte may come before that.
#include "client/conversation/protocols.hpp"

#include "common/pi_digits.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <stdexcept>

namespace parley {

namespace {

// ---- The conversations. ----

/// With services that answer the same request always the same: welcome (the request is empty), pi, wait.
session known_answer(request_cycle& session) {
    const auto& plan = session.plan();
    for (co_await session.turn(); session.begin(); co_await session.turn()) {
        session.ask(plan.request, expected_response{plan.answer});
        co_await reply(plan.request);
        while (!session.complete()) session.take(co_await read_some());
        if (const auto time = session.answered(); time < plan.least_time)
            session.complain("too early",
                             fmt::format("{} came after {} us", in_quotes(plan.answer),
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

/// With echo, and with raw where its answer is a text.
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
    match_response answer{*session.plan().rule};
    for (co_await session.turn(); session.begin(); co_await session.turn()) {
        const auto text = session.ask(session.plan().request, {});
        co_await reply(text);
        answer.restart();
        while (!answer.complete()) session.take(answer, co_await read_some());
        session.answered();
    }
    session.take(co_await read_some());
}

/// With anybody's server.
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

// ---- Their preparation. ----

/// Takes the request that the user gave, if any.
void take_request_text(request_plan& plan) {
    const auto& said = plan.options.say;
    if (!said) return;
    if (said->find('\n') != said->npos) throw std::invalid_argument("--say is one line, without a newline");
    plan.request = *said + '\n';
}

/// The number that the user gave as the request; without one, `otherwise`.
int number_requested(const request_plan& plan, int otherwise) {
    const auto& said = plan.options.say;
    if (!said) return otherwise;
    int number = 0;
    const auto* end = said->data() + said->size();
    const auto [stop, error] = std::from_chars(said->data(), end, number);
    if (error != std::errc{} || stop != end)
        throw std::invalid_argument(fmt::format("this service is sent a number, not {}", in_quotes(*said)));
    return number;
}

void check_size(const request_plan& plan, std::size_t most) {
    if (plan.options.size < 1 || plan.options.size > most)
        throw std::invalid_argument(fmt::format("a request to this service has 1 to {} bytes, not {} (--size)",
                                                most, plan.options.size));
}

void prepare_welcome(request_plan& plan) {
    if (!plan.options.say.value_or("").empty())
        throw std::invalid_argument("service welcome is sent nothing: choose another --service, or say ''");
    plan.answer = plan.options.greeting + '\n';
    plan.options.per_connection = 1;
}

/// A batch is sent whole before its answers are read: the sockets must hold it.
void check_batch(const request_plan& plan, std::size_t size) {
    const auto at_once = static_cast<std::size_t>(plan.options.pipeline);
    if (at_once > 1 && at_once * size > request_cycle::most_under_way)
        throw std::invalid_argument(
            fmt::format("{} requests of {} bytes are too much to be sent at once: it may be {} "
                        "bytes (--pipeline, --size)",
                        at_once, size, request_cycle::most_under_way));
}

void prepare_echo(request_plan& plan) {
    // A message is sent whole before its answer is read: the sockets must hold it.
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
    constexpr int most = 100'000; // the checker must have them, too
    const auto digits = number_requested(plan, plan.options.digits);
    if (digits < 1 || digits > most)
        throw std::invalid_argument(fmt::format("pi is asked for 1 to {} digits, not {}", most, digits));
    plan.request = fmt::format("{}\n", digits);
    plan.answer = pi_digits(digits) + '\n';
}

void prepare_wait(request_plan& plan) {
    const auto said = number_requested(plan, static_cast<int>(plan.options.wait.count()));
    if (said < 0) throw std::invalid_argument(fmt::format("a wait of {} ms cannot be asked for", said));
    plan.least_time = std::chrono::milliseconds{said};
    plan.request = fmt::format("{}\n", said);
    plan.answer = fmt::format("waited {} ms\n", said);
}

void prepare_raw(request_plan& plan) {
    const auto& asked = plan.options;
    if (asked.expect.empty())
        throw std::invalid_argument("service raw needs to know what is right: say what to --expect");
    plan.rule.emplace(asked.expect, asked.how);
    if (!asked.send.empty()) plan.request = framed(asked.send, asked.how);
    if (asked.pipeline > 1 && (plan.rule->what() != response_matcher::kind::text || asked.send.empty()))
        throw std::invalid_argument("--pipeline needs something to --send, and a text to --expect");
    check_batch(plan, std::max(plan.request.size(), plan.rule->text().size()));
    if (asked.send.empty() || plan.rule->what() == response_matcher::kind::until_close)
        plan.options.per_connection = 1;
}

} // namespace

std::span<const protocol> protocols() {
    static constexpr protocol table[] = {
        {"welcome", "reads the greeting", prepare_welcome, known_answer, false},
        {"echo", "sends bytes, wants the same ones back", prepare_echo, echo, true},
        {"counter", "sends a line, wants a number that nobody got before", prepare_line, counter, true},
        {"hello", "sends a name, wants to be greeted by it", prepare_line, hello, true},
        {"pi", "sends a number of digits, wants that many of pi", prepare_pi, known_answer, true},
        {"wait", "sends a time, wants an answer after it", prepare_wait, known_answer, true},
        {"raw", "sends and expects what you say, to and from any server", prepare_raw, raw, true},
    };
    return table;
}

const protocol& protocol_for(std::string_view service) {
    std::string known;
    for (const auto& each : protocols()) {
        if (each.service == service) return each;
        known.append(known.empty() ? "" : ", ").append(each.service);
    }
    throw std::invalid_argument(fmt::format("unknown service {}: choose one of {}", in_quotes(service), known));
}

request_plan plan_requests(const protocol& with, const request_options& options) {
    request_plan plan{options, {}, {}, {}};
    if (options.pipeline < 1 || options.pipeline > 10'000)
        throw std::invalid_argument(fmt::format("--pipeline is from 1 to 10000, not {}", options.pipeline));
    if (options.pipeline > 1 && with.service != "echo" && with.service != "raw")
        throw std::invalid_argument(fmt::format(
            "service {} is asked one request at a time: --pipeline is of echo and raw", with.service));
    with.prepare(plan);
    return plan;
}

} // namespace parley
