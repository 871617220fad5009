// Includes files into the program unchanged (.incbin). CMakeLists.txt defines their paths.
#define EMBED(name, path)              \
    .global embedded_##name            ;\
    .global embedded_##name##_end      ;\
    embedded_##name: .incbin path      ;\
    embedded_##name##_end: .byte 0     ;

    .section .rodata
EMBED(report_html, REPORT_HTML)
EMBED(report_css, REPORT_CSS)
EMBED(report_js, REPORT_JS)
EMBED(chart_js, CHART_JS)
EMBED(model_cards, CARDS)

    .section .note.GNU-stack,"",%progbits
