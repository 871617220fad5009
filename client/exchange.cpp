#include "client/exchange.hpp"

#include "client/payload.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>

namespace parley {

delay_wanted exchange::turn() {
    if (!plan_.by_turns || has_no_more()) return pause({});
    if (request_ == 0) free_since_ = clock::now();
    return pause(std::chrono::hours{24 * 365});
}

bool exchange::has_no_more() const {
    return request_ == plan_.options.per_connection || book_.requests_left == 0 || (quota_ && *quota_ == 0);
}

bool exchange::begin() {
    if (has_no_more()) {
        state_ = state::ended;
        since_ = clock::now();
        return false;
    }
    --book_.requests_left;
    if (quota_) --*quota_;
    ++book_.all_asked;
    ++request_;
    state_ = state::asking;
    sent_ = received_ = 0;
    expected_ = {};
    return true;
}

std::string_view exchange::next_part() {
    const std::string_view given = plan_.request;
    const auto left = (given.empty() ? plan_.options.size : given.size()) - sent_;
    const auto under_way = expected_.text_left();
    const auto room = most_under_way - under_way;
    if (left == 0 || room < std::min(left, least_part)) return {};

    made_up_.erase(0, made_up_.size() - under_way);
    made_up_.resize(under_way + (left <= room ? left : room / payload::step * payload::step));
    const auto next = std::span{made_up_}.subspan(under_way);
    if (given.empty())
        payload{plan_.options.seed, connection_, request_}.bytes(next, sent_);
    else
        given.copy(next.data(), next.size(), sent_);
    return ask({next.data(), next.size()}, expected_answer{made_up_});
}

std::string_view exchange::line() {
    if (!plan_.request.empty()) return plan_.request;
    made_up_.resize(plan_.options.size);
    payload{plan_.options.seed, connection_, request_}.letters(made_up_);
    return made_up_ += '\n';
}

std::string_view exchange::ask(std::string_view text, const expected_answer& answer) {
    sent_ += text.size();
    expected_ = answer;
    if (state_ == state::asking && !text.empty()) since_ = clock::now();
    state_ = state::waiting;
    return text;
}

void exchange::take(std::optional<std::string_view> bytes) {
    if (!bytes) {
        if (complete()) return;
        closed_early();
    }
    if (heard_) heard_->append(*bytes);
    const auto right = expected_.match(*bytes);
    received_ += right;
    if (right < bytes->size()) wrong(bytes->substr(right));
}

exchange::clock::duration exchange::answered() {
    const ledger::answer one{due_.value_or(since_), since_, free_since_, clock::now(), sent_, received_};
    book_.enter(one);
    free_since_ = one.verified;
    due_.reset();
    ++answers_;
    state_ = state::ready;
    return one.verified - one.asked;
}

void exchange::complain(std::string_view cause, std::string_view what) {
    book_.errors.add(phase::verify, cause, [&] { return fmt::format("{} ({})", what, place()); });
}

std::string exchange::place() const {
    return fmt::format("request {} of connection {}", request_, connection_);
}

void exchange::closed_early() const {
    auto text = fmt::format("the server closed the connection after {} bytes of the answer: expected {} ({})",
                            received_, expected_.next(), place());
    throw conversation_failed{{phase::read, "recv", "end of input", std::move(text)}};
}

void exchange::wrong(std::string_view came) const {
    auto text = fmt::format("wrong answer at byte {}: expected {}, got {} ({})", received_, expected_.next(),
                            quoted(came), place());
    throw conversation_failed{
        {phase::verify, {}, complete() ? "too many bytes" : "wrong bytes", std::move(text)}};
}

} // namespace parley
