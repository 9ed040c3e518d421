// pickle.h - the object graph of a Python pickle, read and never run.
//
// The opcodes are those of protocols 2 to 5. Globals are names. Those in the caller's table
// make values that say so; any other makes an inert VB_PICKLE_FOREIGN, and so does all that
// is made of one. Nothing is ever called.
#ifndef VB_FORMATS_PICKLE_H
#define VB_FORMATS_PICKLE_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>

// What may be done with a global.
typedef enum vb_pickle_use {
    VB_PICKLE_NAME,    // mention it
    VB_PICKLE_CALLS,   // call it: a VB_PICKLE_CALL
    VB_PICKLE_DICTS,   // call it: an empty VB_PICKLE_DICT
    VB_PICKLE_OBJECTS, // make an instance of it: a VB_PICKLE_OBJECT
    VB_PICKLE_UNKNOWN, // not in the caller's table
} vb_pickle_use;

typedef struct vb_pickle_global {
    const char *module, *name;
    vb_pickle_use use;
    uint32_t arguments; // of a call
} vb_pickle_global;

typedef enum vb_pickle_kind {
    VB_PICKLE_NONE,
    VB_PICKLE_BOOL,
    VB_PICKLE_INT,
    VB_PICKLE_NUMBER, // a float, or an integer beyond 64 bits: the value is not kept
    VB_PICKLE_TEXT,
    VB_PICKLE_TUPLE,
    VB_PICKLE_LIST, // the items are not kept
    VB_PICKLE_DICT,
    VB_PICKLE_GLOBAL,
    VB_PICKLE_CALL,
    VB_PICKLE_PERSISTENT, // what lies outside of the pickle, named by a tuple
    VB_PICKLE_OBJECT,     // the state is not kept
    VB_PICKLE_FOREIGN,    // what a global outside of the table makes; nothing is kept
} vb_pickle_kind;

typedef struct vb_pickle_value {
    vb_pickle_kind kind;
    uint32_t count; // bytes of TEXT, items of TUPLE, PERSISTENT and CALL
    union {
        int64_t whole;                       // BOOL, INT
        const char *text;                    // UTF-8 in the pickle, not terminated
        const struct vb_pickle_value *items; // CALL: the function, then its arguments
        struct vb_pickle_dict *dict;
        const vb_pickle_global *global; // GLOBAL; of FOREIGN, what made it
    };
} vb_pickle_value;

// Items of a dict in the order they were set, in runs. A key may occur twice.
typedef struct vb_pickle_run {
    struct vb_pickle_run *next;
    const vb_pickle_value *pairs; // key, value, key, value ...
    size_t count;                 // pairs
} vb_pickle_run;

typedef struct vb_pickle_dict {
    vb_pickle_run *first, *last;
    size_t count; // pairs in all runs
} vb_pickle_dict;

enum { VB_PICKLE_MAX_BYTES = 8 << 20 };

// Reads `size` bytes at `bytes`, at most VB_PICKLE_MAX_BYTES, which must outlive `out`; all else is in `arena`, at
// most some 40 bytes for each byte read. `globals` (`count` rows) are those that mean
// something. Refused with VBLIP_ERR_FORMAT: opcodes that torch.save never writes, by name;
// stacks, memos and sizes that no pickler writes. Values may refer to each other in circles.
VB_CHECKED vblip_status vb_pickle_parse(vb_pickle_value *out, vb_arena *arena,
                                        const uint8_t *bytes, size_t size,
                                        const vb_pickle_global *globals, size_t count,
                                        vblip_error *err);

bool vb_pickle_is_text(const vb_pickle_value *value, const char *text);

#endif // VB_FORMATS_PICKLE_H
