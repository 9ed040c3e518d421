#include "decode/missing.h"

enum { AROUND = 16 }; // frames that may lie out of order around a hole

// Shows what is missing among the frames `from` to `to` where these leave gaps.
static void fill_gaps(vb_packets *p, uint64_t from, uint64_t to, int64_t frame_ticks)
{
    uint64_t next = from; // of those that are missing
    const vb_packet *before = NULL;
    for (uint64_t i = from; i < to; i++) {
        const vb_packet *item = &p->items[i];
        if (item->missing)
            continue;
        int64_t time = before ? before->time + frame_ticks : item->time;
        for (; time < item->time - frame_ticks / 2 && next < to; time += frame_ticks) {
            while (next < to && !p->items[next].missing)
                next++;
            if (next < to)
                p->items[next++].time = time;
        }
        before = item;
    }
    int64_t time = before ? before->time : 0;
    for (; to == p->count && before && next < to; next++)
        if (p->items[next].missing)
            p->items[next].time = time += frame_ticks; // behind all others
}

static bool same_part(const vb_packets *p, uint64_t a, uint64_t b)
{
    return p->items[a].part == p->items[b].part;
}

bool vb_missing_place(vb_packets *p, int64_t frame_ticks)
{
    uint64_t first = 0; // that is there
    while (first < p->count && p->items[first].missing)
        first++;
    for (uint64_t i = 0; i < first && first < p->count; i++)
        p->items[i].time = p->items[first].time - (int64_t)(first - i) * frame_ticks;
    bool moved = false;
    for (uint64_t i = first; i < p->count; i++) {
        if (!p->items[i].missing)
            continue;
        uint64_t from = i, last = i, to = i;
        while (from > first && i - from < AROUND && same_part(p, from - 1, i))
            from--;
        for (; to < p->count && to - last <= AROUND && same_part(p, to, i); to++)
            last = p->items[to].missing ? to : last;
        fill_gaps(p, from, to, frame_ticks);
        i = to - 1;
        moved = true;
    }
    return moved;
}

void vb_missing_lose(vb_packets *p, uint32_t reordered)
{
    bool passing = false;
    uint32_t resumed = VB_NO_FRAME;
    for (uint64_t i = 0; i < p->positions; i++) {
        vb_packet *item = p->frames[i] == VB_NO_FRAME ? NULL : &p->items[p->frames[i]];
        if (!item)
            continue;
        if (item->key && !item->lost) {
            resumed = passing ? p->frames[i] : VB_NO_FRAME;
            passing = false;
        }
        for (uint64_t k = i; item->lost && !passing && k-- > 0 && i - k <= reordered;)
            if (p->frames[k] != VB_NO_FRAME)
                p->items[p->frames[k]].unsure = true;
        passing = passing || item->lost;
        if (passing || (resumed != VB_NO_FRAME && p->frames[i] < resumed))
            item->lost = true;
    }
    for (uint64_t i = 0; i < p->count; i++)
        p->lost +=
            vb_packet_is_bad(&p->items[i]) && p->items[i].position < p->positions;
}
