// fuzz_index.c - whatever lies in a library's file: one line says what is wrong, or what is
// read holds together.
#include "index/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DIMS = 16, BEST = 8 };

static void expect_told(vblip_status status, const vblip_error *err)
{
    if ((status == VBLIP_OK) != (err->message[0] == '\0') || strchr(err->message, '\n'))
        abort();
}

static vblip_status read_recording(void *user, const vb_recording *r, vblip_error *err)
{
    size_t *bytes = user;
    (void)err;
    *bytes += strlen(r->path) + (r->error ? strlen(r->error) : 0);
    return VBLIP_OK;
}

static void read_index(vb_index *index)
{
    float vector[DIMS] = {1, 0.5F};
    vb_index_hit hits[BEST];
    uint32_t found = 0;
    size_t bytes = 0;
    vblip_error err = {0}, search_err = {0}, each_err = {0};
    const vb_index_query query = {.vectors = vector, .count = 1, .best = BEST};
    const bool sound = vb_index_verify(index, &err) == VBLIP_OK;
    expect_told(sound ? VBLIP_OK : err.status, &err);
    const vblip_status searched =
        vb_index_search(index, &query, hits, &found, &search_err);
    expect_told(searched, &search_err);
    if (sound && searched != VBLIP_OK)
        abort();
    expect_told(vb_index_each(index, read_recording, &bytes, &each_err), &each_err);
    for (uint32_t i = 0; sound && i < found; i++) {
        vb_recording r;
        vblip_error find_err = {0};
        if (vb_index_find_id(&r, index, hits[i].recording, &find_err) != VBLIP_OK ||
            r.id != hits[i].recording)
            abort();
    }
}

// With what SQLite may have made beside it.
static void remove_index(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[64];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/vblip-fuzz-index-XXXXXX";
    const int file = mkstemp(path);
    if (file < 0)
        return 0;
    const ssize_t written = write(file, data, size);
    close(file);
    const vb_index_options options = {.path = path, .root = "/", .dims = DIMS};
    vb_index *index = NULL;
    vblip_error err = {0};
    if (written == (ssize_t)size) {
        const vblip_status status = vb_index_open(&index, &options, &err);
        expect_told(status, &err);
        if (status == VBLIP_OK)
            read_index(index);
    }
    vb_index_close(&index);
    remove_index(path);
    return 0;
}
