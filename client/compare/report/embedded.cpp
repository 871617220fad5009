#include "client/compare/report/embedded.hpp"

// Each file is between two labels of embedded.S.
#define EMBEDDED(name)                                                                                         \
    extern "C" const char embedded_##name[], embedded_##name##_end[];                                          \
    std::string_view parley::embedded::name() {                                                                \
        return {embedded_##name, static_cast<std::size_t>(embedded_##name##_end - embedded_##name)};           \
    }

EMBEDDED(report_html)
EMBEDDED(report_css)
EMBEDDED(report_js)
EMBEDDED(chart_js)
EMBEDDED(model_cards)
