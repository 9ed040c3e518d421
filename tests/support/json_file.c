#include "support/json_file.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

cJSON *json_load(const char *path)
{
    char *text;
    size_t size;
    vblip_error err = {0};
    if (vb_file_read(&text, &size, path, 64 << 20, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    cJSON *json = cJSON_ParseWithLength(text, size);
    free(text);
    if (!json)
        fail_msg("%s: not JSON", path);
    return json;
}

const cJSON *json_member(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!member)
        fail_msg("no member %s", name);
    return member;
}

double json_number(const cJSON *object, const char *name)
{
    const cJSON *member = json_member(object, name);
    assert_true(cJSON_IsNumber(member));
    return member->valuedouble;
}

const char *json_string(const cJSON *object, const char *name)
{
    const cJSON *member = json_member(object, name);
    assert_true(cJSON_IsString(member));
    return member->valuestring;
}
