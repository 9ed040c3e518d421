// scan.h - the largest dot products of some queries with many vectors in f16. Pure.
#ifndef VB_INDEX_SCAN_H
#define VB_INDEX_SCAN_H

#include "base/error.h"

#include <stdint.h>

typedef struct vb_scan vb_scan;

// A vector and how well it fits.
typedef struct vb_scan_hit {
    uint64_t number;
    float score;
} vb_scan_hit;

// Queries [count, dims], of which a copy is kept; dims a multiple of 16.
VB_CHECKED vblip_status vb_scan_make(vb_scan **out, const float *queries,
                                     uint32_t count, uint32_t dims, uint32_t best,
                                     vblip_error *err);
void vb_scan_free(vb_scan **scan);

// Takes vectors [count, dims], numbered from `first`, at most VB_SCAN_BLOCK. Those whose
// byte of `kept` is 0 are passed over; NULL keeps all.
enum { VB_SCAN_BLOCK = 256 };
void vb_scan_take(vb_scan *scan, const uint16_t *vectors, const uint8_t *kept,
                  uint32_t count, uint64_t first);

// The best of a query, largest first, equal ones by number; returns how many. The scan is
// over: nothing is to be taken behind it.
uint32_t vb_scan_best(vb_scan *scan, uint32_t query, const vb_scan_hit **hits);

#endif // VB_INDEX_SCAN_H
