// media_copy.h - a file of media in memory, to be changed and written beside it.
#ifndef SUPPORT_MEDIA_COPY_H
#define SUPPORT_MEDIA_COPY_H

#include <stddef.h>

typedef struct media_copy {
    char *bytes;
    size_t size;
    char path[64]; // of what is written
} media_copy;

// What fails here fails the test.
media_copy media_copy_load(const char *path);
void media_copy_write(const media_copy *copy, size_t size); // the first bytes of it
void media_copy_free(media_copy *copy);

#endif // SUPPORT_MEDIA_COPY_H
