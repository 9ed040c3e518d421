#define _XOPEN_SOURCE 700 // realpath

#include "output/targets.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void vb_targets_add(vb_targets *targets, const char *option, const char *path)
{
    if (targets->count == VB_MOST_TARGETS)
        return;
    vb_target *t = &targets->items[targets->count++];
    vb_string_puts(&t->path, path);
    if (option)
        vb_string_appendf(&t->label, "%s ", option);
    vb_string_puts(&t->label, path);
    targets->failed = targets->failed || t->path.failed || t->label.failed;
}

void vb_targets_free(vb_targets *targets)
{
    for (uint32_t i = 0; i < targets->count; i++) {
        vb_string_free(&targets->items[i].path);
        vb_string_free(&targets->items[i].label);
    }
}

static bool one_file(const char *a, const char *b, bool *failed)
{
    vb_string left = {0}, right = {0};
    *failed = !vb_file_key(&left, a) || !vb_file_key(&right, b);
    const bool same = !*failed && strcmp(left.bytes, right.bytes) == 0;
    vb_string_free(&left);
    vb_string_free(&right);
    return same;
}

vblip_status vb_targets_check_apart(const vb_targets *targets, vblip_error *err)
{
    for (uint32_t i = 0; i < targets->count; i++)
        for (uint32_t j = 0; j < i; j++) {
            bool failed;
            const char *path = targets->items[i].path.bytes;
            if (one_file(path, targets->items[j].path.bytes, &failed))
                return vb_fail(err, VBLIP_ERR_ARGUMENT,
                               "%.400s: two results in one file", path);
            if (failed)
                return vb_fail_memory(err, path);
        }
    return VBLIP_OK;
}

bool vb_targets_replace(const vb_targets *targets)
{
    for (uint32_t i = 0; i < targets->count; i++)
        if (vb_file_is_replaceable(targets->items[i].path.bytes))
            return true;
    return false;
}

// Has the name an extension, and one that results do not have?
static bool may_be_media(const char *path)
{
    static const char *const results[] = {
        "txt", "tsv", "csv", "json", "jsonl", "srt", "vtt", "safetensors", "partial"};
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < sizeof results / sizeof *results; i++)
        if (strcmp(dot + 1, results[i]) == 0)
            return false;
    return dot != NULL;
}

// Does the file `path` lie in `folder` or below?
static bool lies_in(const char *path, const char *folder)
{
    char file[PATH_MAX], above[PATH_MAX];
    if (!realpath(path, file) || !realpath(folder, above))
        return false;
    const size_t size = strlen(above);
    return strncmp(file, above, size) == 0 && (file[size] == '/' || size == 1);
}

vblip_status vb_targets_check(const vb_targets *targets, vb_read_files *read,
                              const char *media, vblip_error *err)
{
    for (uint32_t i = 0; i < targets->count; i++) {
        const char *path = targets->items[i].path.bytes;
        const char *label = targets->items[i].label.bytes;
        VB_TRY(vb_read_files_refuse(read, label, path, err));
        if (media && vb_file_is_replaceable(path) && may_be_media(path) &&
            lies_in(path, media))
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "%.400s: may be an input: it is among the videos and images",
                           label);
    }
    return VBLIP_OK;
}
