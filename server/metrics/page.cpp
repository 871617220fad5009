#include "server/metrics/page.hpp"

#include <fmt/format.h>
#include <string_view>

namespace parley {

namespace {

/// Bounds the time for one request. A scraper sends some ten headers, each at most input_buffer::line_limit
/// long.
constexpr int max_headers = 100;

/// Returns the response to a request line such as "GET /metrics HTTP/1.1".
std::string response_to(std::string_view line, const std::function<std::string()>& text) {
    const auto respond = [](std::string_view status, std::string_view type, std::string_view headers,
                            const std::string& body, bool has_body = true) {
        return fmt::format(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}", status,
            type, body.size(), headers, has_body ? body : "");
    };
    constexpr std::string_view plain = "text/plain; charset=utf-8";
    const auto first = line.find(' '), last = line.rfind(' ');
    if (first == line.npos || first == last || !line.substr(last + 1).starts_with("HTTP/1."))
        return respond("400 Bad Request", plain, "", "This is no request of HTTP/1.1.\n");
    const auto method = line.substr(0, first), target = line.substr(first + 1, last - first - 1);
    const bool is_head = method == "HEAD";
    if (method != "GET" && !is_head)
        return respond("405 Method Not Allowed", plain, "Allow: GET, HEAD\r\n",
                       "The metrics can be read alone.\n");
    if (target.substr(0, target.find('?')) != "/metrics")
        return respond("404 Not Found", plain, "", "The metrics are at /metrics.\n", !is_head);
    return respond("200 OK", "text/plain; version=0.0.4; charset=utf-8", "", text(), !is_head);
}

} // namespace

session metrics_page(const std::function<std::string()>& text) {
    const auto line = co_await read_line();
    if (!line) co_return;
    const std::string request{*line};
    for (int count = 0; count != max_headers; ++count) {
        const auto header = co_await read_line();
        if (header && !header->empty()) continue;
        const auto response = response_to(request, text);
        co_await reply(response);
        co_return;
    }
    const std::string response = "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
                                 "Connection: close\r\n\r\n";
    co_await reply(response);
}

} // namespace parley
