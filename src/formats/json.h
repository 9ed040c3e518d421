// json.h - JSON from outside: cJSON, and the refusals it leaves to its callers.
#ifndef VB_FORMATS_JSON_H
#define VB_FORMATS_JSON_H

#include "base/error.h"

#include <stddef.h>

#include <cjson/cJSON.h>

enum { VB_JSON_DEPTH = 32 }; // objects and arrays inside each other

// Parses `size` bytes as one JSON value. What cJSON lets through is VBLIP_ERR_FORMAT
// too: keys given twice, bytes after the value, bytes that are not UTF-8, control
// characters, "\u0000" in strings, deep nesting, numbers such as 01 or 1e999. `subject`
// names the text in messages. Free with cJSON_Delete.
VB_CHECKED vblip_status vb_json_parse(cJSON **out, const char *text, size_t size,
                                      const char *subject, vblip_error *err);

// Members of `object`, named "WHERE.KEY" in messages ("KEY" alone where `where` is
// empty). An absent key and null leave `*out` alone; another type, or a value out of
// range, is VBLIP_ERR_FORMAT.
typedef struct vb_json_object {
    const cJSON *json;   // NULL = an empty object
    const char *subject; // "config.json"
    const char *where;   // "vision_config"
} vb_json_object;

// NULL where the member is absent or null.
const cJSON *vb_json_get(vb_json_object object, const char *key);

VB_CHECKED vblip_status vb_json_u32(uint32_t *out, vb_json_object object,
                                    const char *key, uint32_t min, uint32_t max,
                                    vblip_error *err);
VB_CHECKED vblip_status vb_json_float(float *out, vb_json_object object,
                                      const char *key, double min, double max,
                                      vblip_error *err);
VB_CHECKED vblip_status vb_json_bool(bool *out, vb_json_object object, const char *key,
                                     vblip_error *err);
// The string dies with the parsed value.
VB_CHECKED vblip_status vb_json_string(const char **out, vb_json_object object,
                                       const char *key, vblip_error *err);

// A string of which one is known: another is VBLIP_ERR_UNSUPPORTED.
VB_CHECKED vblip_status vb_json_expect(vb_json_object object, const char *key,
                                       const char *expected, vblip_error *err);

// Fails with "SUBJECT: WHERE.KEY: " before the message.
vblip_status vb_json_fail(vb_json_object object, const char *key, vblip_status status,
                          vblip_error *err, const char *format, ...) VB_PRINTF(5, 6);

// The value of a member of the object `text` (size bytes), which vb_json_parse took, as it
// is written there: numbers keep all their digits. False where there is none of that key.
bool vb_json_member_text(const char **value, size_t *value_size, const char *text,
                         size_t size, const char *key);

// A whole number from 0 to 2^53, which is where doubles stop telling them apart.
bool vb_json_whole(uint64_t *out, const cJSON *value);

#endif // VB_FORMATS_JSON_H
