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
    const auto under_way = expected_.text_left();
    const auto room = most_under_way - under_way;
    if (left == 0 || room < std::min(left, least_part)) return {};

    made_up_.erase(0, made_up_.size() - under_way);
    made_up_.resize(under_way + (left <= room ? left : room / payload::step * payload::step));
    const auto next = std::span{made_up_}.subspan(under_way);
    form_ = given.empty() ? form::bytes : form::fixed;
    if (given.empty())
        payload{plan_.options.seed, connection_, request_}.bytes(next, sent_);
    else
        given.copy(next.data(), next.size(), sent_);
    return ask({next.data(), next.size()}, expected_response{made_up_});
}

std::string_view request_cycle::line() {
    if (!plan_.request.empty()) return plan_.request;
    made_up_.resize(plan_.options.size);
    payload{plan_.options.seed, connection_, request_}.letters(made_up_);
    return made_up_ += '\n';
}

std::string_view request_cycle::message() {
    if (!plan_.request.empty()) return plan_.request;
    const payload mine{plan_.options.seed, connection_, request_};
    std::string text(plan_.options.size, '\0');
    if (plan_.options.how == framing::line) {
        form_ = form::hex;
        std::string bytes((text.size() + 1) / 2, '\0');
        mine.bytes(bytes, 0);
        constexpr std::string_view digits = "0123456789abcdef";
        for (std::size_t each = 0; each < text.size(); ++each) {
            const auto byte = static_cast<unsigned char>(bytes[each / 2]);
            text[each] = digits[each % 2 == 0 ? byte >> 4 : byte & 15];
        }
    } else {
        form_ = form::bytes;
        mine.bytes(text, 0);
    }
    return made_up_ = framed(text, plan_.options.how);
}

std::string_view request_cycle::batch() {
    std::string answers;
    batch_.clear();
    while (in_batch_ < static_cast<std::uint64_t>(plan_.options.pipeline) &&
           (in_batch_ == 0 || !has_no_more()) && begin()) {
        const auto text = message();
        batch_ += text;
        answers += plan_.rule ? std::string_view{plan_.rule->text()} : text;
        ++in_batch_;
    }
    if (in_batch_ == 0) return {};
    answer_size_ = answers.size() / in_batch_;
    made_up_ = std::move(answers);
    ask(batch_, expected_response{made_up_});
    sent_ = batch_.size() / in_batch_;
    return batch_;
}

void request_cycle::close_answered() {
    while (in_batch_ > 0 && received_ >= answer_size_) {
        const auto more = received_ - answer_size_;
        received_ = answer_size_;
        answered();
        received_ = more;
        if (--in_batch_ > 0) state_ = state::waiting;
    }
}

std::string_view request_cycle::ask(std::string_view text, const expected_response& answer) {
    sent_ += text.size();
    expected_ = answer;
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
    const auto right = expected_.match(*bytes);
    received_ += right;
    close_answered();
    if (right < bytes->size()) wrong(bytes->substr(right));
}

void request_cycle::take(match_response& answer, std::optional<std::string_view> bytes) {
    if (!bytes) {
        if (answer.take_end()) return;
        closed_early(plan_.rule->to_string());
    }
    if (received_text_) received_text_->append(*bytes);
    const auto right = answer.take(*bytes);
    received_ += right;
    if (right == bytes->size()) return;
    const auto rest = in_quotes(bytes->substr(right));
    const bool surplus = answer.fault().empty();
    throw conversation_failed{{phase::verify,
                               {},
                               surplus ? "too many bytes" : "wrong bytes",
                               surplus
                                   ? fmt::format("{} bytes of an answer were complete, and then came {} ({})",
                                                 received_, rest, place())
                                   : fmt::format("wrong answer at byte {}: {}, and {} came ({})", received_,
                                                 answer.fault(), rest, place())}};
}

request_cycle::clock::duration request_cycle::answered() {
    const run_stats::answer one{due_.value_or(since_), since_, free_since_, clock::now(), sent_, received_};
    stats_.record(one);
    if (answers_ == 0) stats_.first_answers.record(one.verified - one.asked);
    free_since_ = one.verified;
    due_.reset();
    ++answers_;
    state_ = state::ready;
    return one.verified - one.asked;
}

void request_cycle::abandon(clock::time_point now) {
    if (state_ != state::waiting) return;
    for (auto left = std::max<std::uint64_t>(in_batch_, 1); left > 0; --left)
        stats_.enter_unanswered(due_.value_or(since_), since_, now);
    state_ = state::ready;
    in_batch_ = 0;
}

void request_cycle::complain(std::string_view cause, std::string_view what) {
    stats_.errors.add(phase::verify, cause, [&] { return fmt::format("{} ({})", what, place()); });
}

std::string request_cycle::place() const {
    return fmt::format("request {} of connection {}", current(), connection_);
}

void request_cycle::closed_early(const std::string& expected) const {
    auto text = fmt::format("the server closed the connection after {} bytes of the answer: expected {} ({})",
                            received_, expected, place());
    throw conversation_failed{{phase::read, "recv", "end of input", std::move(text)}};
}

mismatch request_cycle::explained(std::string_view came) const {
    const auto prefix = prefix_size(plan_.options.how);
    const auto size = plan_.options.size;
    const mismatch unknown{complete() ? "too many bytes" : "wrong bytes", {}};
    if (form_ == form::fixed || (received_ > 0 && received_ < prefix)) return unknown;
    // A message that comes in the place of another one begins with its length, too.
    if (received_ == 0 || received_ >= prefix + size) came.remove_prefix(std::min(came.size(), prefix));
    const auto offset = std::min<std::size_t>(received_ > 0 ? received_ - prefix : 0, size);
    expected_payload wanted{plan_.options.seed, connection_, current(), size, offset, stats_.connections};
    if (form_ == form::bytes) return explain(wanted, came);

    std::string bytes;
    if (offset % 2 == 1) came.remove_prefix(std::min<std::size_t>(came.size(), 1));
    wanted.size /= 2;
    wanted.offset = std::min((offset + 1) / 2, wanted.size);
    const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
    for (; came.size() >= 2 && std::isxdigit(static_cast<unsigned char>(came[0])) &&
           std::isxdigit(static_cast<unsigned char>(came[1]));
         came.remove_prefix(2))
        bytes += static_cast<char>((value(came[0]) << 4 | value(came[1])) & 0xff);
    return explain(wanted, bytes);
}

void request_cycle::wrong(std::string_view came) const {
    const auto why = explained(came);
    auto text = fmt::format("wrong answer at byte {}: expected {}, got {} ({}){}{}", received_,
                            expected_.next(), in_quotes(came), place(), why.text.empty() ? "" : ": ", why.text);
    throw conversation_failed{{phase::verify, {}, why.cause, std::move(text)}};
}

} // namespace parley
