#include "index/scan.h"

#include "base/arena.h"
#include "index/dot.h"

#include <stdlib.h>
#include <string.h>

// Of one query: a heap with its worst hit on top.
typedef struct best_hits {
    vb_scan_hit *hits;
    uint32_t count;
} best_hits;

struct vb_scan {
    vb_arena arena;
    vb_dot_fn dot;
    uint32_t dims, count, best;
    float *queries;  // [count, dims]
    best_hits *kept; // [count]
    float scores[VB_DOT_QUERIES * VB_SCAN_BLOCK];
};

vblip_status vb_scan_make(vb_scan **out, const float *queries, uint32_t count,
                          uint32_t dims, uint32_t best, vblip_error *err)
{
    vb_scan *scan = calloc(1, sizeof *scan);
    *out = scan;
    if (!scan)
        return vb_fail_memory(err, "search");
    scan->dot = vb_dot_choose();
    scan->dims = dims;
    scan->count = count;
    scan->best = best;
    scan->queries = VB_ARENA_NEW(&scan->arena, float, (size_t)count *dims);
    scan->kept = VB_ARENA_NEW(&scan->arena, best_hits, count);
    vb_scan_hit *hits = VB_ARENA_NEW(&scan->arena, vb_scan_hit, (size_t)count * best);
    if (!scan->queries || !scan->kept || !hits) {
        vb_scan_free(out);
        return vb_fail_memory(err, "search");
    }
    memcpy(scan->queries, queries, (size_t)count * dims * sizeof *queries);
    for (uint32_t q = 0; q < count; q++)
        scan->kept[q].hits = hits + (size_t)q * best;
    return VBLIP_OK;
}

void vb_scan_free(vb_scan **scan)
{
    if (*scan)
        vb_arena_free(&(*scan)->arena);
    free(*scan);
    *scan = NULL;
}

static bool is_worse(const vb_scan_hit *a, const vb_scan_hit *b)
{
    return a->score < b->score || (a->score == b->score && a->number > b->number);
}

// Puts `hit` at the top of a heap of `count` and lets it sink below what is worse.
static void sink_hit(vb_scan_hit *heap, uint32_t count, vb_scan_hit hit)
{
    uint32_t at = 0;
    for (uint32_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_worse(&heap[child + 1], &heap[child]))
            child++;
        if (!is_worse(&heap[child], &hit))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = hit;
}

static void raise_hit(vb_scan_hit *heap, uint32_t at, vb_scan_hit hit)
{
    for (; at > 0 && is_worse(&hit, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = hit;
}

static void keep_best(vb_scan *scan, best_hits *kept, const float *scores,
                      const uint8_t *passes, uint32_t count, uint64_t first)
{
    for (uint32_t i = 0; i < count; i++) {
        const vb_scan_hit hit = {.number = first + i, .score = scores[i]};
        if (passes && !passes[i])
            continue;
        if (kept->count < scan->best)
            raise_hit(kept->hits, kept->count++, hit);
        else if (scan->best > 0 && is_worse(&kept->hits[0], &hit))
            sink_hit(kept->hits, scan->best, hit);
    }
}

void vb_scan_take(vb_scan *scan, const uint16_t *vectors, const uint8_t *kept,
                  uint32_t count, uint64_t first)
{
    for (uint32_t q = 0; q < scan->count; q += VB_DOT_QUERIES) {
        const uint32_t left = scan->count - q;
        const uint32_t now = left < VB_DOT_QUERIES ? left : VB_DOT_QUERIES;
        scan->dot(scan->scores, scan->queries + (size_t)q * scan->dims, now, vectors,
                  count, scan->dims);
        for (uint32_t i = 0; i < now; i++)
            keep_best(scan, &scan->kept[q + i], scan->scores + (size_t)i * count, kept,
                      count, first);
    }
}

uint32_t vb_scan_best(vb_scan *scan, uint32_t query, const vb_scan_hit **hits)
{
    best_hits *kept = &scan->kept[query];
    for (uint32_t left = kept->count; left > 1;
         left--) { // heapsort: the worst goes last
        const vb_scan_hit worst = kept->hits[0];
        sink_hit(kept->hits, left - 1, kept->hits[left - 1]);
        kept->hits[left - 1] = worst;
    }
    *hits = kept->hits;
    return kept->count;
}
