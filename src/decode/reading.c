#include "decode/reading.h"

#include <stdlib.h>

// Makes room for `more` packets.
static bool reading_grow(vb_reading *r, uint64_t more)
{
    size_t capacity = r->capacity ? r->capacity : 1024;
    while (capacity < r->packets->count + more)
        capacity *= 2;
    if (capacity == r->capacity)
        return true;
    vb_packet *items = realloc(r->packets->items, capacity * sizeof *items);
    if (items)
        r->packets->items = items;
    vb_packet_mark *marks = realloc(r->packets->marks, capacity * sizeof *marks);
    if (marks)
        r->packets->marks = marks;
    int64_t *times = realloc(r->decode_times, capacity * sizeof *times);
    if (times)
        r->decode_times = times;
    if (items && marks && times)
        r->capacity = capacity;
    return items && marks && times;
}

vblip_status vb_reading_make_room(vb_reading *r, uint64_t more, vblip_error *err)
{
    if (more > VB_NO_FRAME - 1 - r->packets->count)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "more than %u frames",
                       VB_NO_FRAME - 1);
    return reading_grow(r, more) ? VBLIP_OK : vb_fail_memory(err, "packet index");
}
