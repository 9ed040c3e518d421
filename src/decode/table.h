// table.h - containers that list their packets: walked without the packets being read.
//
// The sample table of an mp4 says where each packet lies, how long it is, when it is
// decoded and whether it is a key. When it is shown libavformat tells only with the
// packet. So libavformat reads the packets as ever, but those of the table from nowhere:
// their bytes are arbitrary, and nothing looks at them.
#ifndef VB_DECODE_TABLE_H
#define VB_DECODE_TABLE_H

#include "decode/source.h"

// All-zero is no walk.
typedef struct vb_table {
    int64_t *positions; // [count] of the packets in the file, rising
    size_t count;
} vb_table;

// Begins a walk where `source` has a table to be trusted: vb_source_read then gives all
// packets from the first on without their bytes. Elsewhere `out` is all-zero, and
// vb_source_read goes on as before.
VB_CHECKED vblip_status vb_table_begin(vb_table *out, vb_source *source,
                                       vblip_error *err);

// Ends a walk. The next packet is anywhere: seek.
void vb_table_end(vb_table *table, vb_source *source);

#endif // VB_DECODE_TABLE_H
