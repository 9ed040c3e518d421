// fuzz_shards.c - no index of shards may crash, leak, name a file elsewhere, or join
// files that it does not describe.
#include "formats/shards.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const vb_weight *)a)->name, ((const vb_weight *)b)->name);
}

// Tensors are lines "FNAME": the file with that number, as a byte.
static void join(vb_arena *arena, const vb_shards *shards, const char *lines,
                 size_t size)
{
    vb_weight tensors[MAX_TENSORS] = {0};
    size_t file_of[MAX_TENSORS], count = 0;
    for (size_t at = 0; at < size && count < MAX_TENSORS;) {
        const char *end = memchr(lines + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - lines) - at : size - at;
        if (length > 1) {
            file_of[count] = (uint8_t)lines[at] % shards->file_count;
            tensors[count].name = vb_arena_string(arena, lines + at + 1, length - 1);
            must(tensors[count++].name != NULL);
        }
        at += length + 1;
    }
    vb_weight_list *lists = VB_ARENA_NEW(arena, vb_weight_list, shards->file_count);
    must(lists != NULL);
    for (size_t f = 0; f < shards->file_count; f++) {
        vb_weight *held = VB_ARENA_NEW(arena, vb_weight, count);
        must(held != NULL);
        size_t n = 0;
        for (size_t i = 0; i < count; i++)
            if (file_of[i] == f)
                held[n++] = tensors[i];
        qsort(held, n, sizeof *held, by_name);
        for (size_t i = 1; i < n; i++)
            if (strcmp(held[i - 1].name, held[i].name) == 0)
                return; // no file has a name twice
        lists[f] = (vb_weight_list){held, n};
    }
    vb_weight_list all;
    if (vb_shards_join(&all, arena, shards, lists, "index", NULL) != VBLIP_OK)
        return;
    must(all.count == count && all.count == shards->count);
    for (size_t i = 0; i < count; i++)
        must(vb_weight_find(&all, tensors[i].name) != NULL);
}

// A NUL splits the input: the index, then what the files hold.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *split = size ? memchr(data, 0, size) : NULL;
    const size_t first = split ? (size_t)(split - data) : size;
    char *json = malloc(first ? first : 1); // exact size: ASan guards both ends
    if (!json)
        return 0;
    if (first)
        memcpy(json, data, first);
    vb_arena arena = {0};
    vb_shards shards;
    if (vb_shards_parse(&shards, &arena, json, first, ".bin", "index", NULL) ==
        VBLIP_OK) {
        must(shards.count > 0 && shards.file_count > 0);
        for (size_t i = 0; i < shards.file_count; i++)
            must(shards.files[i][0] != '.' && !strchr(shards.files[i], '/'));
        for (size_t i = 0; i < shards.count; i++)
            must(shards.entries[i].file < shards.file_count);
        if (split)
            join(&arena, &shards, (const char *)split + 1, size - first - 1);
    }
    vb_arena_free(&arena);
    free(json);
    return 0;
}
