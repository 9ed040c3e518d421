#include "decode/boxes.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

enum {
    DEPTH = 8,         // of boxes within boxes
    FEW = 1 << 22,     // samples, which cost no more than 100 MB
    BOXES = 1 << 16,   // looked at, so that small ones without end do not hold us up
    PER_SAMPLE = 0xF00 // flags of a run that says something of each of its samples
};

typedef struct box_walk {
    AVIOContext *io;
    int64_t size; // of the file
    uint32_t seen;
    bool has_index; // moov
    int64_t second;
    vblip_error *err;
} box_walk;

static vblip_status check_samples(const box_walk *w, uint32_t count)
{
    if (count <= w->size || count <= FEW)
        return VBLIP_OK;
    return vb_fail(w->err, VBLIP_ERR_FORMAT,
                   "%" PRIu32 " samples are listed, the file has %" PRId64 " bytes",
                   count, w->size);
}

// A table of samples that are all of one size, and so needs no place.
static vblip_status check_stsz(box_walk *w)
{
    avio_skip(w->io, 4);
    uint32_t each = avio_rb32(w->io), count = avio_rb32(w->io);
    return each ? check_samples(w, count) : VBLIP_OK;
}

static vblip_status check_trun(box_walk *w)
{
    uint32_t flags = avio_rb32(w->io), count = avio_rb32(w->io);
    return flags & PER_SAMPLE ? VBLIP_OK : check_samples(w, count);
}

static bool holds_boxes(const char *type)
{
    static const char *const holders[] = {"moov", "trak", "mdia", "minf",
                                          "stbl", "moof", "traf"};
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++)
        if (memcmp(type, holders[i], 4) == 0)
            return true;
    return false;
}

// Looks at a box of the file itself.
static void see_file_box(box_walk *w, const char *type, int64_t at)
{
    if (memcmp(type, "ftyp", 4) == 0 && w->has_index && w->second < 0)
        w->second = at;
    w->has_index = w->has_index || memcmp(type, "moov", 4) == 0;
}

// The boxes from `at` to `end`.
static vblip_status check_boxes(box_walk *w, int64_t at, int64_t end, int depth)
{
    while (end - at >= 8 && w->seen++ < BOXES && avio_seek(w->io, at, SEEK_SET) >= 0) {
        char type[4];
        int64_t size = avio_rb32(w->io), head = 8;
        if (avio_read(w->io, (unsigned char *)type, 4) != 4)
            break;
        if (size == 1) {
            size = (int64_t)avio_rb64(w->io);
            head = 16;
        }
        if (size == 0 || size > end - at)
            size = end - at;
        if (size < head)
            break;
        if (depth == 0)
            see_file_box(w, type, at);
        if (memcmp(type, "stsz", 4) == 0)
            VB_TRY(check_stsz(w));
        else if (memcmp(type, "trun", 4) == 0)
            VB_TRY(check_trun(w));
        else if (holds_boxes(type) && depth < DEPTH)
            VB_TRY(check_boxes(w, at + head, at + size, depth + 1));
        at += size;
    }
    return VBLIP_OK;
}

vblip_status vb_boxes_check(int64_t *second, AVIOContext *io, int64_t size,
                            vblip_error *err)
{
    box_walk w = {.io = io, .size = size, .second = -1, .err = err};
    vblip_status status = check_boxes(&w, 0, size, 0);
    *second = w.second;
    return status;
}
