// json_file.h - golden JSON files; a missing or misspelt entry fails the test.
#ifndef SUPPORT_JSON_FILE_H
#define SUPPORT_JSON_FILE_H

#include <cjson/cJSON.h>

// Parses the file at `path`, or fails the running test.
cJSON *json_load(const char *path);

const cJSON *json_member(const cJSON *object, const char *name);
double json_number(const cJSON *object, const char *name);
const char *json_string(const cJSON *object, const char *name);

#endif // SUPPORT_JSON_FILE_H
