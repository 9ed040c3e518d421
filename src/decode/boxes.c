#include "decode/boxes.h"

#include <inttypes.h>
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
    // Of the first recording.
    bool has_index, has_samples; // moov, mdat
    bool fragment;               // the next mdat is that of a fragment
    // Of what may be another one behind it, which begins at `next`, -1 for none.
    int64_t next;
    bool next_index, next_samples;
    int64_t second; // it is one
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

static bool box_is(const char *type, const char *other)
{
    return memcmp(type, other, 4) == 0;
}

// Whether libavformat looks into a box for others. It may find a moov in a free one.
static bool holds_boxes(const char *type)
{
    static const char *const holders[] = {
        "clip", "dinf", "edts", "free", "hoov", "mdia", "minf", "moof", "moov",
        "mvex", "rmda", "rmra", "stbl", "traf", "trak", "tref", "udta",
    };
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++)
        if (box_is(type, holders[i]))
            return true;
    return false;
}

bool vb_box_begins_file(const char type[4])
{
    static const char *const boxes[] = {"ftyp", "moov", "mdat", "wide", "free", "skip"};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        if (box_is(type, boxes[i]))
            return true;
    return false;
}

// Looks at a box behind the first recording, which is whole: QuickTime has no box that
// begins a file, and another one is there where both its index and its samples are.
static void see_box_behind(box_walk *w, const char *type, int64_t at)
{
    if (w->next < 0 && vb_box_begins_file(type))
        w->next = at;
    w->next_index = w->next_index || box_is(type, "moov");
    w->next_samples = w->next_samples || box_is(type, "mdat") || box_is(type, "moof");
    if (box_is(type, "ftyp") || (w->next_index && w->next_samples))
        w->second = box_is(type, "ftyp") ? at : w->next;
}

// Looks at a box of the file itself.
static void see_file_box(box_walk *w, const char *type, int64_t at)
{
    if (w->second >= 0)
        return;
    if (w->has_index && (w->has_samples || box_is(type, "ftyp")) &&
        (w->next_index || !(w->fragment || box_is(type, "moof"))))
        see_box_behind(w, type, at);
    if (!w->next_index && (w->fragment || box_is(type, "moof")))
        w->next = -1; // that was no other recording
    w->fragment = box_is(type, "moof") || (w->fragment && !box_is(type, "mdat"));
    w->has_index = w->has_index || box_is(type, "moov");
    w->has_samples = w->has_samples || box_is(type, "mdat");
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
        if (box_is(type, "stsz"))
            VB_TRY(check_stsz(w));
        else if (box_is(type, "trun"))
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
    box_walk w = {.io = io, .size = size, .next = -1, .second = -1, .err = err};
    vblip_status status = check_boxes(&w, 0, size, 0);
    *second = w.second;
    return status;
}
