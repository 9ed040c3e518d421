// json_out.h - JSON values, written into text.
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include "cli/bytes.h"

// A string. Bytes that are not UTF-8 become U+FFFD.
void cli_json_string(cli_bytes *out, const char *text, size_t size);

// `%.9g` with a decimal point whatever the locale; not finite: null.
void cli_json_real(cli_bytes *out, double value);

// Seconds with three decimals.
void cli_json_time(cli_bytes *out, int64_t time_us);

#endif // CLI_JSON_OUT_H
