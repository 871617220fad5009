// The table is searched from the top: a row with an empty cause matches all other causes of its phase.
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
     "a firewall drops the segments, or the listen queue is full: raise the backlog"},
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
     "trust its issuer with --tls-ca, give the right --tls-name, or turn off verification with --tls-insecure"},
    {phase::handshake, "wrong version number", "the server does not speak TLS on this port: check the port"},
    {phase::handshake, "ETIMEDOUT", "the server accepts, but does not answer: does it speak TLS?"},
    {phase::handshake, "end of input",
     "the server refuses: it may want another TLS version, or a client certificate"},
    {phase::handshake, "ECONNRESET",
     "the server refuses: it may want another TLS version, or a client certificate"},
    {phase::handshake, "", "compare with: openssl s_client -connect HOST:PORT"},
    {phase::write, "EPIPE", "the server closed while it was being sent to: does it crash, or limit requests?"},
    {phase::write, "ECONNRESET", "the server closed with bytes unread: does it crash, or end too early?"},
    {phase::write, "ETIMEDOUT", "the server does not read: it is stuck, or busy with other clients"},
    {phase::read, "ECONNRESET", "the server closed with bytes unread, crashed, or has no worker left for it"},
    {phase::read, "ETIMEDOUT", "the server is stuck, busy with other clients, or the request was lost"},
    {phase::read, "end of input", "the server ended the connection first: does it limit time or requests?"},
    {phase::read, "truncated", "the server crashed, or forgets SSL_shutdown; an attacker could do the same"},
    {phase::verify, "corrupt", "bytes were changed: look for a buffer that is shared or reused too early"},
    {phase::verify, "crossed", "replies go to the wrong client: look for state that connections share"},
    {phase::verify, "doubled", "bytes are sent twice: look at what follows a partial write"},
    {phase::verify, "lost", "bytes are left out: look at what follows a partial read or write"},
    {phase::verify, "reordered", "replies overtake each other: look for concurrent writes to one connection"},
    {phase::verify, "lost update",
     "two threads or processes changed the counter at once: the counter needs a lock"},
    {phase::verify, "counted back", "an older value was written over a newer one: the counter needs a lock"},
    {phase::verify, "wrong bytes", "is it the right service, and the right --expect or --greeting?"},
    {phase::verify, "too many bytes", "the server sends more than expected: is the --expect complete?"},
};

} // namespace

std::string_view hint_for(const failure& failure) {
    for (const auto& row : table)
        if (row.where == failure.where && (row.cause.empty() || row.cause == failure.cause)) return row.hint;
    return {};
}

} // namespace parley
