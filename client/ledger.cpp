#include "client/ledger.hpp"

namespace parley {

void ledger::enter(const answer& one) {
    ++all_answered;
    latest = one.verified;
    if (one.verified < from) return;
    latency.record(one.verified - one.asked);
    if (one.verified > until) return;
    ++answered;
    bytes_sent += one.bytes_sent;
    bytes_received += one.bytes_received;
}

} // namespace parley
