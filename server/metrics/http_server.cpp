#include "server/metrics/http_server.hpp"

#include <httplib.h>

namespace parley {

namespace {

constexpr const char* plain_text = "text/plain; version=0.0.4; charset=utf-8";

class server_on_socket : public httplib::Server {
public:
    explicit server_on_socket(unique_fd door) { svr_sock_ = door.release(); }
};

} // namespace

void serve_metrics(unique_fd door, const std::function<std::string()>& text) {
    server_on_socket http{std::move(door)};
    // Small, and not to be held up for long by a client that is slow or silent.
    http.new_task_queue = [] { return new httplib::ThreadPool(8); };
    http.set_keep_alive_max_count(1);
    http.set_keep_alive_timeout(1);
    http.set_read_timeout(1);
    http.set_write_timeout(1);
    http.set_payload_max_length(0);

    http.Get("/metrics", [&](const httplib::Request&, httplib::Response& answer) {
        answer.set_content(text(), plain_text);
    });
    http.set_error_handler([](const httplib::Request&, httplib::Response& answer) {
        if (answer.status == 404) answer.set_content("The metrics are at /metrics.\n", "text/plain");
    });
    http.listen_after_bind();
}

} // namespace parley
