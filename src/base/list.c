#include "base/list.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool list_grow(vb_list *list)
{
    if (list->count + 1 < list->capacity)
        return true;
    uint32_t capacity = list->capacity ? 2 * list->capacity : 16;
    char **items = realloc(list->items, capacity * sizeof *items);
    if (items)
        list->items = items;
    size_t *sizes = items ? realloc(list->sizes, capacity * sizeof *sizes) : NULL;
    if (!sizes)
        return false;
    list->sizes = sizes;
    list->capacity = capacity;
    return true;
}

const char *vb_list_add(vb_list *list, const char *bytes, size_t size)
{
    char *copy = list_grow(list) ? malloc(size + 1) : NULL;
    if (!copy)
        return NULL;
    if (size)
        memcpy(copy, bytes, size);
    copy[size] = '\0';
    list->items[list->count] = copy;
    list->sizes[list->count] = size;
    list->items[++list->count] = NULL;
    return copy;
}

void vb_list_free(vb_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    free(list->sizes);
    *list = (vb_list){0};
}

static bool list_is_blank(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n\v\f", bytes[i]) || !bytes[i])
            return false;
    return true;
}

static vblip_status add_entry(vb_list *list, const char *name, uint64_t number,
                              const char *bytes, size_t size, vb_entries kind,
                              vblip_error *err)
{
    if (kind == VB_ENTRIES_TEXTS && size && bytes[size - 1] == '\r')
        size--;
    if ((kind == VB_ENTRIES_PATHS && !size) ||
        (kind == VB_ENTRIES_TEXTS && list_is_blank(bytes, size)))
        return VBLIP_OK;
    if (kind != VB_ENTRIES_EXACT && memchr(bytes, '\0', size))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%.300s: entry %llu: holds a NUL byte",
                       name, (unsigned long long)number);
    size_t bad = kind == VB_ENTRIES_PATHS ? size : vb_utf8_check(bytes, size);
    if (bad < size)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%.300s: entry %llu: not valid UTF-8 at byte %zu", name,
                       (unsigned long long)number, bad + 1);
    if (list->count == UINT32_MAX / 4 || !vb_list_add(list, bytes, size))
        return vb_fail_memory(err, name);
    return VBLIP_OK;
}

// A list that cannot be read is a wrong argument, not a failed input.
static vblip_status refuse_list(const char *name, int number, vblip_error *err)
{
    char reason[VB_REASON];
    return vb_fail(err, VBLIP_ERR_ARGUMENT, "%.300s: %s", name,
                   vb_errno_reason(reason, number));
}

static vblip_status list_read_entries(vb_list *list, const char *name, FILE *stream,
                                      char end, vb_entries kind, vblip_error *err)
{
    char *entry = NULL;
    size_t capacity = 0;
    vblip_status status = VBLIP_OK;
    errno = 0;
    for (uint64_t number = 1; status == VBLIP_OK; number++) {
        ssize_t got = getdelim(&entry, &capacity, end, stream);
        if (got <= 0)
            break;
        size_t size = (size_t)got;
        if (entry[size - 1] == end)
            size--;
        status = add_entry(list, name, number, entry, size, kind, err);
    }
    free(entry);
    if (status == VBLIP_OK && (ferror(stream) || !feof(stream)))
        return refuse_list(name, errno, err);
    return status;
}

vblip_status vb_list_read(vb_list *list, const char *file, char end, vb_entries kind,
                          vblip_error *err)
{
    if (strcmp(file, "-") == 0)
        return list_read_entries(list, "standard input", stdin, end, kind, err);
    FILE *stream = fopen(file, "rb");
    if (!stream)
        return refuse_list(file, errno, err);
    vblip_status status = list_read_entries(list, file, stream, end, kind, err);
    fclose(stream);
    return status;
}

vblip_status vb_list_split(vb_list *list, const char *text, vblip_error *err)
{
    while (*text) {
        size_t size = strcspn(text, ",");
        const char *next = text + size + (text[size] == ',');
        while (size && strchr(" \t", *text))
            text++, size--;
        while (size && strchr(" \t", text[size - 1]))
            size--;
        if (size && !vb_list_add(list, text, size))
            return vb_fail_memory(err, "list");
        text = next;
    }
    return VBLIP_OK;
}
