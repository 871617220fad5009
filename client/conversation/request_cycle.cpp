#include "client/conversation/request_cycle.hpp"

#include "client/conversation/payload.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <span>

namespace parley {

delay_wanted request_cycle::turn() {
    if (!plan_.scheduled || has_no_more()) return pause({});
    if (request_ == 0) free_since_ = clock::now();
    return pause(std::chrono::hours{24 * 365});
}

bool request_cycle::has_no_more() const {
    return request_ == plan_.options.per_connection || stats_.requests_left == 0 || (quota_ && *quota_ == 0);
}

bool request_cycle::begin() {
    if (has_no_more()) {
        state_ = state::ended;
        since_ = clock::now();
        return false;
    }
    --stats_.requests_left;
    if (quota_) --*quota_;
    ++stats_.all_asked;
    ++request_;
    state_ = state::asking;
    sent_ = received_ = 0;
    expected_ = {};
    return true;
}

std::string_view request_cycle::next_part() {
    const std::string_view given = plan_.request;
    const auto left = (given.empty() ? plan_.options.size : given.size()) - sent_;
    const auto in_flight = expected_.text_left();
    const auto room = most_under_way - in_flight;
    if (left == 0 || room < std::min(left, least_part)) return {};

    generated_.erase(0, generated_.size() - in_flight);
    generated_.resize(in_flight + (left <= room ? left : room / payload::step * payload::step));
    const auto next = std::span{generated_}.subspan(in_flight);
    form_ = given.empty() ? form::bytes : form::fixed;
    if (given.empty())
        payload{plan_.options.seed, connection_, request_}.bytes(next, sent_);
    else
        given.copy(next.data(), next.size(), sent_);
    return ask({next.data(), next.size()}, expected_response{generated_});
}

std::string_view request_cycle::line() {
    if (!plan_.request.empty()) return plan_.request;
    generated_.resize(plan_.options.size);
    payload{plan_.options.seed, connection_, request_}.letters(generated_);
    return generated_ += '\n';
}

std::string_view request_cycle::message() {
    if (!plan_.request.empty()) return plan_.request;
    const payload payload{plan_.options.seed, connection_, request_};
    std::string text(plan_.options.size, '\0');
    if (plan_.options.how == framing::line) {
        form_ = form::hex;
        std::string bytes((text.size() + 1) / 2, '\0');
        payload.bytes(bytes, 0);
        constexpr std::string_view digits = "0123456789abcdef";
        for (std::size_t i = 0; i < text.size(); ++i) {
            const auto byte = static_cast<unsigned char>(bytes[i / 2]);
            text[i] = digits[i % 2 == 0 ? byte >> 4 : byte & 15];
        }
    } else {
        form_ = form::bytes;
        payload.bytes(text, 0);
    }
    return generated_ = framed(text, plan_.options.how);
}

std::string_view request_cycle::batch() {
    std::string replies;
    batch_.clear();
    while (in_batch_ < static_cast<std::uint64_t>(plan_.options.pipeline) &&
           (in_batch_ == 0 || !has_no_more()) && begin()) {
        const auto text = message();
        batch_ += text;
        replies += plan_.rule ? std::string_view{plan_.rule->text()} : text;
        ++in_batch_;
    }
    if (in_batch_ == 0) return {};
    reply_size_ = replies.size() / in_batch_;
    generated_ = std::move(replies);
    ask(batch_, expected_response{generated_});
    sent_ = batch_.size() / in_batch_;
    return batch_;
}

void request_cycle::close_answered() {
    while (in_batch_ > 0 && received_ >= reply_size_) {
        const auto rest = received_ - reply_size_;
        received_ = reply_size_;
        answered();
        received_ = rest;
        if (--in_batch_ > 0) state_ = state::waiting;
    }
}

std::string_view request_cycle::ask(std::string_view text, const expected_response& response) {
    sent_ += text.size();
    expected_ = response;
    if (state_ == state::asking && !text.empty()) since_ = clock::now();
    state_ = state::waiting;
    return text;
}

void request_cycle::take(std::optional<std::string_view> bytes) {
    if (!bytes) {
        if (complete()) return;
        closed_early(expected_.next());
    }
    if (received_text_) received_text_->append(*bytes);
    const auto matched = expected_.match(*bytes);
    received_ += matched;
    close_answered();
    if (matched < bytes->size()) wrong(bytes->substr(matched));
}

void request_cycle::take(match_response& response, std::optional<std::string_view> bytes) {
    if (!bytes) {
        if (response.take_end()) return;
        closed_early(plan_.rule->to_string());
    }
    if (received_text_) received_text_->append(*bytes);
    const auto matched = response.take(*bytes);
    received_ += matched;
    if (matched == bytes->size()) return;
    const auto rest = in_quotes(bytes->substr(matched));
    const bool is_surplus = response.fault().empty();
    throw conversation_failed{
        {phase::verify,
         {},
         is_surplus ? "too many bytes" : "wrong bytes",
         is_surplus
             ? fmt::format("{} bytes of a reply were complete, and then came {} ({})", received_, rest, place())
             : fmt::format("wrong reply at byte {}: {}, and {} came ({})", received_, response.fault(), rest,
                           place())}};
}

request_cycle::clock::duration request_cycle::answered() {
    const run_stats::completed_request request{due_.value_or(since_), since_, free_since_,
                                               clock::now(),          sent_,  received_};
    stats_.record(request);
    if (replies_ == 0) stats_.first_answers.record(request.verified - request.asked);
    free_since_ = request.verified;
    due_.reset();
    ++replies_;
    state_ = state::ready;
    return request.verified - request.asked;
}

void request_cycle::abandon(clock::time_point now) {
    if (state_ != state::waiting) return;
    for (auto left = std::max<std::uint64_t>(in_batch_, 1); left > 0; --left)
        stats_.enter_unanswered(due_.value_or(since_), since_, now);
    state_ = state::ready;
    in_batch_ = 0;
}

void request_cycle::complain(std::string_view cause, std::string_view text) {
    stats_.errors.add(phase::verify, cause, [&] { return fmt::format("{} ({})", text, place()); });
}

std::string request_cycle::place() const {
    return fmt::format("request {} of connection {}", current(), connection_);
}

void request_cycle::closed_early(const std::string& expected) const {
    auto text = fmt::format("the server closed the connection after {} bytes of the reply: expected {} ({})",
                            received_, expected, place());
    throw conversation_failed{{phase::read, "recv", "end of input", std::move(text)}};
}

diagnosis request_cycle::diagnosed(std::string_view received) const {
    const auto prefix = prefix_size(plan_.options.how);
    const auto size = plan_.options.size;
    const diagnosis unknown{complete() ? "too many bytes" : "wrong bytes", {}};
    if (form_ == form::fixed || (received_ > 0 && received_ < prefix)) return unknown;
    // A message that arrives instead of the expected one also begins with its length.
    if (received_ == 0 || received_ >= prefix + size) received.remove_prefix(std::min(received.size(), prefix));
    const auto offset = std::min<std::size_t>(received_ > 0 ? received_ - prefix : 0, size);
    expected_payload expected{plan_.options.seed, connection_, current(), size, offset, stats_.connections};
    if (form_ == form::bytes) return diagnose(expected, received);

    std::string bytes;
    if (offset % 2 == 1) received.remove_prefix(std::min<std::size_t>(received.size(), 1));
    expected.size /= 2;
    expected.offset = std::min((offset + 1) / 2, expected.size);
    const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
    for (; received.size() >= 2 && std::isxdigit(static_cast<unsigned char>(received[0])) &&
           std::isxdigit(static_cast<unsigned char>(received[1]));
         received.remove_prefix(2))
        bytes += static_cast<char>((value(received[0]) << 4 | value(received[1])) & 0xff);
    return diagnose(expected, bytes);
}

void request_cycle::wrong(std::string_view received) const {
    const auto diagnosis = diagnosed(received);
    auto text = fmt::format("wrong reply at byte {}: expected {}, got {} ({}){}{}", received_, expected_.next(),
                            in_quotes(received), place(), diagnosis.text.empty() ? "" : ": ", diagnosis.text);
    throw conversation_failed{{phase::verify, {}, diagnosis.cause, std::move(text)}};
}

} // namespace parley
