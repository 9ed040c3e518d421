// library_fixture.h - a folder of clips, and searches of it through a library.
#ifndef VB_TESTS_LIBRARY_FIXTURE_H
#define VB_TESTS_LIBRARY_FIXTURE_H

#include "support/api_fixture.h"
#include "support/temp.h"
#include "vblip_library.h"

// Set-up and tear-down of a group of tests.
int library_setup(void **state);
int library_teardown(void **state);

// The folder of clips, the data folder beside it, and what is searched for.
extern char media[TEMP_PATH], data[TEMP_PATH];
extern const char *const query[1];

// A folder of clips a.mp4 (0), b.mp4 (1), and no index.
void start_over(void);

// Golden clip `number`, 0 to 3, under another name in it.
void copy_clip(const char *name, int number);
void remove_file(const char *name);

typedef struct seen_hits {
    char lines[1024]; // "NAME " of every hit
    float itc[8], logits[8];
    uint32_t count;
    char failures[512];
} seen_hits;

// These are called with seen_hits.
int keep_library_hit(void *user, const vblip_hit *hit);
int keep_library_failure(void *user, const vblip_failure *failure);

// Copies to a vblip_index_info.
int keep_info(void *user, const vblip_index_info *info);

// One run of a program: everything is opened, searched and closed again.
vblip_index_changes search_folder(vblip_model *model, seen_hits *seen,
                                  vblip_library_options options);

#endif // VB_TESTS_LIBRARY_FIXTURE_H
