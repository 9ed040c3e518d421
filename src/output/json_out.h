// json_out.h - JSON values, written into text.
#ifndef VB_OUTPUT_JSON_OUT_H
#define VB_OUTPUT_JSON_OUT_H

#include "base/text.h"

// A string. Bytes that are not UTF-8 become U+FFFD.
void vb_json_put_string(vb_string *out, const char *text, size_t size);

// The base64 of the bytes, as a string.
void vb_json_put_base64(vb_string *out, const uint8_t *bytes, size_t size);

// `%.9g` with a decimal point whatever the locale; not finite: null.
void vb_json_put_real(vb_string *out, double value);

// Seconds with three decimals.
void vb_json_put_time(vb_string *out, int64_t time_us);

#endif // VB_OUTPUT_JSON_OUT_H
