#include "support/temp.h"

#include "base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

void temp_make(char folder[TEMP_FOLDER])
{
    snprintf(folder, TEMP_FOLDER, "/tmp/vblip-test-XXXXXX");
    must(mkdtemp(folder) != NULL, folder);
}

void temp_remove(const char *path)
{
    DIR *folder = opendir(path);
    must(folder != NULL, path);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char child[1024];
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        struct stat st;
        must(lstat(child, &st) == 0, child);
        if (S_ISDIR(st.st_mode))
            temp_remove(child);
        else
            must(unlink(child) == 0, child);
    }
    closedir(folder);
    must(rmdir(path) == 0, path);
}

char temp_folder[TEMP_FOLDER];

int temp_setup(void **state)
{
    (void)state;
    temp_make(temp_folder);
    return 0;
}

int temp_teardown(void **state)
{
    (void)state;
    temp_remove(temp_folder);
    return 0;
}

int temp_enter(void **state)
{
    char *folder = malloc(TEMP_FOLDER);
    must(folder != NULL, "folder");
    temp_make(folder);
    must(chdir(folder) == 0, folder);
    *state = folder;
    return 0;
}

int temp_leave(void **state)
{
    must(chdir("/") == 0, "/");
    temp_remove(*state);
    free(*state);
    return 0;
}

const char *temp_path(char out[TEMP_PATH], const char *folder, const char *name)
{
    must(snprintf(out, TEMP_PATH, "%s/%s", folder, name) < TEMP_PATH, name);
    return out;
}

void temp_write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    must(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0, path);
}

void temp_write(const char *folder, const char *name, const char *text)
{
    char path[TEMP_PATH];
    temp_path(path, folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    must(vb_make_folders(path, NULL) == VBLIP_OK, path);
    *slash = '/';
    temp_write_bytes(path, text, strlen(text));
}

uint8_t *temp_read(size_t *size, const char *path)
{
    char *text;
    must(vb_file_read(&text, size, path, SIZE_MAX, NULL) == VBLIP_OK, path);
    uint8_t *bytes = malloc(*size ? *size : 1);
    must(bytes != NULL, path);
    memcpy(bytes, text, *size);
    free(text);
    return bytes;
}
