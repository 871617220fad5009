#include "client/conversation/bounded_json.hpp"

#include <cstddef>
#include <string>

namespace parley {

namespace {

using json = nlohmann::json;

/// SAX parser that stores nothing and stops at a value that is nested too deep.
class depth_check final : public nlohmann::json_sax<json> {
public:
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool key(string_t&) override { return true; }
    bool start_object(std::size_t) override { return begin(); }
    bool start_array(std::size_t) override { return begin(); }
    bool end_object() override { return end(); }
    bool end_array() override { return end(); }
    bool parse_error(std::size_t, const std::string&, const json::exception&) override {
        return false; // the parser after this check reports the error
    }

    [[nodiscard]] bool is_too_deep() const { return depth_ > most_json_depth; }

private:
    bool begin() { return ++depth_ <= most_json_depth; }
    bool end() { return --depth_ >= 0; }

    int depth_ = 0;
};

void check_depth(std::string_view text, json::input_format_t format) {
    depth_check check;
    if (!json::sax_parse(text.begin(), text.end(), &check, format) && check.is_too_deep())
        throw json::parse_error::create(
            101, std::size_t{0}, "values are nested more than " + std::to_string(most_json_depth) + " deep",
            nullptr);
}

} // namespace

json parse_json(std::string_view text) {
    check_depth(text, json::input_format_t::json);
    return json::parse(text);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text) {
    check_depth(text, json::input_format_t::json);
    return nlohmann::ordered_json::parse(text);
}

json parse_cbor(std::string_view bytes) {
    check_depth(bytes, json::input_format_t::cbor);
    return json::from_cbor(bytes);
}

} // namespace parley
