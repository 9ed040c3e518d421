#include "api/bundled.h"

#include "base/text.h"
#include "vblip_lab.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Below a prefix, and in a checkout that holds its build folders.
static const char *const places[] = {"/share/vblip/", "/models/"};

// A line of /proc/self/maps is "START-END PERMISSIONS OFFSET DEVICE INODE   PATH\n".
static const char *mapped_path(char *line, uintptr_t address)
{
    uintptr_t start, end;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) != 2 || address < start ||
        address >= end)
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    return strchr(line, '/');
}

char *vb_loaded_from(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps)
        return NULL;
    char *line = NULL, *found = NULL;
    size_t capacity = 0;
    while (!found && getline(&line, &capacity, maps) > 0) {
        const char *path = mapped_path(line, (uintptr_t)places);
        found = path ? strdup(path) : NULL;
    }
    free(line);
    fclose(maps);
    return found;
}

// A malloc'd path if it can be read, else NULL.
static char *readable(const char *folder, size_t size, const char *below,
                      const char *name)
{
    vb_string path = {0};
    vb_string_append(&path, folder, size);
    vb_string_appendf(&path, "%s%s", below, name);
    if (!path.failed && access(path.bytes, R_OK) == 0)
        return path.bytes;
    vb_string_free(&path);
    return NULL;
}

char *vb_installed_path(const char *file, const char *name)
{
    enum { DEEPEST = 3, PLACES = sizeof places / sizeof *places };
    size_t size = strlen(file);
    char *path = NULL;
    for (int up = 0; up < DEEPEST && !path; up++) {
        while (size && file[--size] != '/')
            ;
        for (int i = 0; up && i < PLACES && !path; i++)
            path = readable(file, size, places[i], name);
    }
    return path;
}

static char *model_path, *vocab_path; // for as long as the library is loaded

static char *find_bundled(const char *file, const char *name)
{
    static const char source[] = VBLIP_SOURCE_DIR;
    char *path = file ? vb_installed_path(file, name) : NULL;
    return path ? path : readable(source, strlen(source), "/models/", name);
}

static void find_all_bundled(void)
{
    char *file = vb_loaded_from();
    model_path = find_bundled(file, "demo");
    vocab_path = find_bundled(file, "bert-base-uncased-vocab.txt");
    free(file);
}

static void find_bundled_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_all_bundled);
}

const char *vblip_bundled_model(void)
{
    find_bundled_once();
    return model_path;
}

const char *vblip_bundled_vocab(void)
{
    find_bundled_once();
    return vocab_path;
}
