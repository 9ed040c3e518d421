#include "gpu/trial.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// Opened and locked, or -1. A program that ended its test meanwhile may have removed what
// was opened.
static int open_note(const char *path)
{
    struct stat facts;
    const int note = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (note < 0)
        return -1;
    if (flock(note, LOCK_EX | LOCK_NB) == 0 && fstat(note, &facts) == 0 &&
        facts.st_nlink > 0)
        return note;
    close(note);
    return -1;
}

// The kernels that an old note is about. One of another driver or build is about none.
static uint32_t read_note(int note, const vb_cache_key *key)
{
    uint8_t bytes[VB_CACHE_HEADER_BYTES];
    vb_cache_entry entry;
    const ssize_t size = pread(note, bytes, sizeof bytes, 0);
    if (size <= 0 || vb_cache_parse(&entry, bytes, (size_t)size, key, NULL) != VBLIP_OK)
        return 0;
    return entry.tested;
}

static bool write_note(int note, const vb_cache_key *key, uint32_t verdict)
{
    vb_string bytes = {0};
    const vb_cache_entry entry = {.tested = verdict};
    const bool written =
        vb_cache_format(&bytes, &entry, key, NULL) == VBLIP_OK &&
        ftruncate(note, 0) == 0 &&
        pwrite(note, bytes.bytes, bytes.size, 0) == (ssize_t)bytes.size &&
        fsync(note) == 0; // a driver may take the machine with it
    vb_string_free(&bytes);
    return written;
}

uint32_t vb_trial_begin(vb_trial *out, const char *path, const vb_cache_key *key,
                        uint32_t verdict)
{
    *out = (vb_trial){0};
    const int note = open_note(path);
    if (note < 0)
        return 0;
    const uint32_t found = read_note(note, key);
    char *copy = found ? NULL : strdup(path);
    if (copy && write_note(note, key, verdict)) {
        *out = (vb_trial){copy, note};
        return 0;
    }
    free(copy);
    (void)unlink(path);
    close(note);
    return found;
}

void vb_trial_end(vb_trial *trial)
{
    if (!trial->path)
        return;
    (void)unlink(trial->path);
    close(trial->descriptor);
    free(trial->path);
    *trial = (vb_trial){0};
}
