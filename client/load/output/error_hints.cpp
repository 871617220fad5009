// A table, most special first: a row with an empty cause is for all others of its phase.
#include "client/load/output/error_hints.hpp"

namespace parley {

namespace {

struct row {
    phase where;
    std::string_view cause;
    std::string_view hint;
};

constexpr row table[] = {
    {phase::resolve, "", "the name is not known, or the resolver does not answer: check it with getent hosts"},
    {phase::connect, "ECONNREFUSED", "nobody listens there: is the server up, and is the port right?"},
    {phase::connect, "ETIMEDOUT",
     "a firewall drops the segments, or the listener's queue is full: raise its backlog"},
    {phase::connect, "EADDRNOTAVAIL",
     "no port is free: let connections live longer, or add addresses with --source"},
    {phase::connect, "EMFILE", "this process has no descriptor left: raise ulimit -n"},
    {phase::connect, "ENFILE", "the machine has no descriptor left: raise fs.file-max"},
    {phase::connect, "ECONNRESET",
     "the listener closed before it accepted: does the server limit its clients?"},
    {phase::connect, "EHOSTUNREACH", "no route leads there: check the address and the network"},
    {phase::connect, "ENETUNREACH", "no route leads there: check the address and the network"},
    {phase::connect, "EACCES", "the socket's file may not be opened, or a firewall forbids it"},
    {phase::connect, "ENOENT", "the socket's file is not there: is the server up?"},
    {phase::connect, "EAGAIN", "the UNIX socket's queue is full: raise the server's backlog"},
    {phase::handshake, "certificate",
     "trust its issuer with --tls-ca, say the right --tls-name, or load without verification: --tls-insecure"},
    {phase::handshake, "wrong version number", "the server speaks no TLS at this port: is it another one?"},
    {phase::handshake, "ETIMEDOUT", "the server accepts, but does not answer: does it speak TLS?"},
    {phase::handshake, "end of input",
     "the server refuses: does it want another version, or a certificate of ours?"},
    {phase::handshake, "ECONNRESET",
     "the server refuses: does it want another version, or a certificate of ours?"},
    {phase::handshake, "", "compare with: openssl s_client -connect HOST:PORT"},
    {phase::write, "EPIPE", "the server closed while it was being sent to: does it crash, or limit requests?"},
    {phase::write, "ECONNRESET", "the server closed with bytes unread: does it crash, or end too early?"},
    {phase::write, "ETIMEDOUT", "the server does not read: it is stuck, or busy with others"},
    {phase::read, "ECONNRESET", "the server closed with bytes unread, crashed, or has no worker left for it"},
    {phase::read, "ETIMEDOUT", "the server is stuck, busy with others, or the request was lost"},
    {phase::read, "end of input", "the server ended the connection first: does it limit time or requests?"},
    {phase::read, "truncated", "the server crashed, or forgets SSL_shutdown; an attacker could do the same"},
    {phase::verify, "corrupt", "bytes were changed: look for a buffer that is shared or reused too early"},
    {phase::verify, "crossed", "answers go to the wrong client: look for state that connections share"},
    {phase::verify, "doubled", "bytes are sent twice: look at what follows a partial write"},
    {phase::verify, "lost", "bytes are left out: look at what follows a partial read or write"},
    {phase::verify, "reordered", "answers overtake each other: who keeps their order?"},
    {phase::verify, "lost update", "two threads or processes changed the counter at once: it needs a lock"},
    {phase::verify, "counted back", "somebody wrote an older value over a newer one: it needs a lock"},
    {phase::verify, "wrong bytes", "is it the right service, and the right --expect or --greeting?"},
    {phase::verify, "too many bytes", "the server says more than it was asked: is the --expect complete?"},
};

} // namespace

std::string_view remedy_for(const failure& one) {
    for (const auto& each : table)
        if (each.where == one.where && (each.cause.empty() || each.cause == one.cause)) return each.hint;
    return {};
}

} // namespace parley
