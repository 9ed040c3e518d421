#include "support/library_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

const char *const query[1] = {"a dog runs on the beach"};

char media[TEMP_PATH], data[TEMP_PATH];

// A golden clip under another name.
void copy_clip(const char *name, int number)
{
    char from[512], to[TEMP_PATH];
    size_t size;
    static const int names[] = {0, 1, 4, 5}; // those in mp4
    snprintf(from, sizeof from, "%s/video/clip%02d.mp4", VB_GOLDEN, names[number]);
    uint8_t *bytes = temp_read(&size, from);
    temp_write_bytes(temp_path(to, media, name), bytes, size);
    free(bytes);
}

void remove_file(const char *name)
{
    char path[TEMP_PATH];
    assert_int_equal(unlink(temp_path(path, media, name)), 0);
}

// A folder of clips a.mp4 (0), b.mp4 (1), and no index.
void start_over(void)
{
    static int run;
    char name[32];
    snprintf(name, sizeof name, "media%d", ++run);
    temp_path(media, temp_folder, name);
    assert_int_equal(mkdir(media, 0777), 0);
    snprintf(name, sizeof name, "data%d", run);
    temp_path(data, temp_folder, name);
    copy_clip("a.mp4", 0);
    copy_clip("b.mp4", 1);
}

int keep_library_hit(void *user, const vblip_hit *hit)
{
    seen_hits *seen = user;
    const size_t at = strlen(seen->lines);
    snprintf(seen->lines + at, sizeof seen->lines - at, "%s ",
             strrchr(hit->path, '/') + 1);
    seen->itc[seen->count % 8] = hit->itc;
    seen->logits[seen->count++ % 8] = hit->itm_logits[1];
    return 0;
}

int keep_library_failure(void *user, const vblip_failure *failure)
{
    seen_hits *seen = user;
    const size_t at = strlen(seen->failures);
    snprintf(seen->failures + at, sizeof seen->failures - at, "%s: %s;",
             strrchr(failure->path, '/') + 1, failure->message);
    return 0;
}

// One run of a program: everything is opened, searched and closed again.
vblip_index_changes search_folder(vblip_model *model, seen_hits *seen,
                                  vblip_library_options options)
{
    vblip_inputs *inputs = NULL;
    vblip_library *library = NULL;
    vblip_index_changes changes;
    const char *path = media;
    const vblip_job job = {.failed = keep_library_failure, .user = seen};
    const vblip_retrieve_options ranking = {.job = &job};
    const vblip_search_options search = {.retrieve = &ranking};
    vblip_error err;
    *seen = (seen_hits){0};
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_ok(vblip_library_open(&library, model, inputs, &options, &err), &err);
    api_ok(vblip_library_retrieve(library, query, 1, &search, &changes,
                                  keep_library_hit, seen, &err),
           &err);
    vblip_library_close(&library);
    assert_null(library);
    vblip_inputs_close(&inputs);
    return changes;
}

int keep_info(void *user, const vblip_index_info *info)
{
    *(vblip_index_info *)user = *info;
    return 0;
}

int library_setup(void **state)
{
    return temp_setup(state) || api_setup(state);
}

int library_teardown(void **state)
{
    return api_teardown(state) || temp_teardown(state);
}
