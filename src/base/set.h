// set.h - which texts were seen before, however many there are.
#ifndef VB_BASE_SET_H
#define VB_BASE_SET_H

#include "base/list.h"

// All-zero is empty.
typedef struct vb_set {
    vb_list texts;
    uint32_t *slots; // hash table: place in `texts` from 1; 0 = free
    uint32_t slot_count;
} vb_set;

typedef enum vb_seen { VB_SEEN_NEW, VB_SEEN_BEFORE, VB_SEEN_FAILED } vb_seen;

// Adds a copy of `text` unless it is there. VB_SEEN_FAILED: memory ran out.
vb_seen vb_set_add(vb_set *set, const char *text);
void vb_set_free(vb_set *set);

#endif // VB_BASE_SET_H
