// json_out.h - JSON values, written into text.
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include "base/text.h"

// A string. Bytes that are not UTF-8 become U+FFFD.
void cli_json_string(vb_string *out, const char *text, size_t size);

// `%.9g` with a decimal point whatever the locale; not finite: null.
void cli_json_real(vb_string *out, double value);

// Seconds with three decimals.
void cli_json_time(vb_string *out, int64_t time_us);

#endif // CLI_JSON_OUT_H
