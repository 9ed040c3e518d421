// index.h - a library on disk: recordings, their segments, and the vectors of those.
//
// One SQLite file. It stores what it is given and knows neither model nor decoder: its
// stamp, some named facts, says what vectors depend on, and an index with another stamp is
// refused. One writer at a time, any number of readers. A recording is one transaction: a
// process that is killed loses at most the one in flight. Everything in it has a checksum;
// docs/library.md has the schema.
#ifndef VB_INDEX_INDEX_H
#define VB_INDEX_INDEX_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

// All functions of one index are for one thread at a time.
typedef struct vb_index vb_index;

// What vectors depend on: "model", "3f8a..."; "frames", "8".
typedef struct vb_index_fact {
    const char *name, *value;
} vb_index_fact;

typedef struct vb_index_options {
    const char *path; // NULL: in memory, and gone when it is closed
    const char *root; // what paths of recordings are relative to, of one that is made
    uint32_t dims;    // of a vector, a multiple of 16; 0: as the file has
    const vb_index_fact *stamp;
    uint32_t stamp_count; // 0: whatever stamp it has
    bool write;   // makes the file where there is none, and keeps other writers out
    bool wait;    // with `write`: some seconds, for another process that writes
    bool rebuild; // with `write`: what is there is removed first, whatever it is
} vb_index_options;

// VBLIP_ERR_IO where there is none and it is not made, and where another process writes;
// VBLIP_ERR_FORMAT for what is no index, is damaged, newer, or has another stamp. The
// message ends with what to do.
VB_CHECKED vblip_status vb_index_open(vb_index **out, const vb_index_options *options,
                                      vblip_error *err);
void vb_index_close(vb_index **index); // NULL is fine

const char *vb_index_path(const vb_index *index);

// An index that was opened to write keeps other writers out until it is released, and
// again once it is held; between the two nothing may be changed in it. VBLIP_ERR_IO where
// another process writes.
VB_CHECKED vblip_status vb_index_hold(vb_index *index, vblip_error *err);
void vb_index_release(vb_index *index);

// What is read until vb_index_live is as it is now, whatever other processes write.
VB_CHECKED vblip_status vb_index_snapshot(vb_index *index, vblip_error *err);
void vb_index_live(vb_index *index);

// A fact of the stamp, or "root"; NULL where there is none. Valid until the next call for
// this index.
VB_CHECKED vblip_status vb_index_fact_named(const char **out, vb_index *index,
                                            const char *name, vblip_error *err);

// Calls `fn` with each fact of the stamp but "root", by name; dims are among them. `fn` may
// not call the index.
typedef vblip_status (*vb_fact_fn)(void *user, const vb_index_fact *fact,
                                   vblip_error *err);
VB_CHECKED vblip_status vb_index_each_fact(vb_index *index, vb_fact_fn fn, void *user,
                                           vblip_error *err);

// Paths of recordings are relative to another folder from now on.
VB_CHECKED vblip_status vb_index_set_root(vb_index *index, const char *root,
                                          vblip_error *err);

// Refuses a name that an index cannot get: there is something at `path`, or, with
// `replace`, something that is no index.
VB_CHECKED vblip_status vb_index_check_free(const char *path, bool replace,
                                            vblip_error *err);
// Gives the file of an index that was opened to write another name, closes it and sets
// *index to NULL. A kill at any moment leaves the whole index under one name or the other.
// Where the name is not free, or another program has the index open, or that which is
// replaced, it fails and the index stays open.
VB_CHECKED vblip_status vb_index_move(vb_index **index, const char *to, bool replace,
                                      vblip_error *err);
// Closes an index that was opened to write, and removes its file.
void vb_index_discard(vb_index **index);

// -------------------------------------------------------------------------- recordings

// A file that was read, or could not be.
typedef struct vb_recording {
    int64_t id;       // from 1; 0: there is none
    const char *path; // relative to the root
    uint64_t size;
    int64_t modified_ns; // since 1970
    uint64_t content;    // vb_hash_file() of it
    bool timed;          // a video: times of its segments mean something
    const char *error;   // NULL, or why it could not be read: then it has no segments
} vb_recording;

typedef struct vb_segment {
    int64_t start_us, end_us; // end exclusive; both 0 of an image
} vb_segment;

// Strings of what is found are valid until the next call for this index.
VB_CHECKED vblip_status vb_index_find(vb_recording *out, vb_index *index,
                                      const char *path, vblip_error *err);
VB_CHECKED vblip_status vb_index_find_id(vb_recording *out, vb_index *index, int64_t id,
                                         vblip_error *err);
// The first behind `path`, in the order of paths; "" comes before all.
VB_CHECKED vblip_status vb_index_find_after(vb_recording *out, vb_index *index,
                                            const char *path, vblip_error *err);
// The one at `path`, or the first in the folder of that name; "" is the whole index.
VB_CHECKED vblip_status vb_index_find_below(vb_recording *out, vb_index *index,
                                            const char *path, vblip_error *err);

// Calls `fn` with each recording, by path, until it returns another status than VBLIP_OK,
// which is handed on. `fn` may not call the index.
typedef vblip_status (*vb_recording_fn)(void *user, const vb_recording *recording,
                                        vblip_error *err);
VB_CHECKED vblip_status vb_index_each(vb_index *index, vb_recording_fn fn, void *user,
                                      vblip_error *err);
// The same of those whose files are so large, by path: copies, and files that were moved,
// are among them.
VB_CHECKED vblip_status vb_index_each_sized(vb_index *index, uint64_t size,
                                            vb_recording_fn fn, void *user,
                                            vblip_error *err);

// Writes what a recording is, in place of what is known of its path: its segments, and
// vectors [count, dims], which are kept in f16. `id` is not read. One transaction.
VB_CHECKED vblip_status vb_index_put(vb_index *index, const vb_recording *recording,
                                     const vb_segment *segments, const float *vectors,
                                     uint32_t count, vblip_error *err);

// What was found in a recording: its segments and vectors [count, dims], which the caller
// frees.
typedef struct vb_found {
    vb_segment *segments;
    float *vectors;
    uint32_t count;
} vb_found;
VB_CHECKED vblip_status vb_index_read(vb_found *out, vb_index *index, int64_t id,
                                      vblip_error *err);
void vb_found_free(vb_found *found);

// The file has another path, or was touched: what was found in it stands.
VB_CHECKED vblip_status vb_index_rename(vb_index *index, int64_t id, const char *path,
                                        int64_t modified_ns, vblip_error *err);

VB_CHECKED vblip_status vb_index_remove(vb_index *index, int64_t id, vblip_error *err);
// All that vb_index_find_below finds, in one transaction; `removed` says how many.
VB_CHECKED vblip_status vb_index_remove_below(uint64_t *removed, vb_index *index,
                                              const char *path, vblip_error *err);

typedef struct vb_index_totals {
    uint64_t recordings, failed; // failed ones are among the recordings
    uint64_t segments;
    uint64_t bytes; // of the file
} vb_index_totals;
VB_CHECKED vblip_status vb_index_count(vb_index_totals *out, vb_index *index,
                                       vblip_error *err);

// Reads everything: pages by SQLite's own check, then every checksum, and that recordings
// and segments name each other. VBLIP_ERR_FORMAT names the first thing that is wrong.
VB_CHECKED vblip_status vb_index_verify(vb_index *index, vblip_error *err);

// ------------------------------------------------------------------------------- merge

// A recording that came from another index.
typedef struct vb_merged {
    const char *path;
    bool differs; // the index had another file of that path
    bool taken;   // what came stands there now; false: what was there does
} vb_merged;
typedef vblip_status (*vb_merged_fn)(void *user, const vb_merged *merged,
                                     vblip_error *err);

// Puts all recordings of `from`, which has the same dims, into `index`, with `prefix`
// before their paths. Of two with one path one stands: that which could be read, then the
// one that was written to later, then that which was there. Holds one recording in memory.
VB_CHECKED vblip_status vb_index_merge(vb_index *index, vb_index *from,
                                       const char *prefix, vb_merged_fn fn, void *user,
                                       vblip_error *err);

// ------------------------------------------------------------------------------ search

typedef struct vb_index_hit {
    uint64_t segment; // which: the same until its recording is written again
    int64_t recording;
    vb_segment span;
    float score; // dot product
} vb_index_hit;

typedef struct vb_index_query {
    const float *vectors; // [count, dims]
    uint32_t count;
    uint32_t best;          // hits of each query, at most
    const uint8_t *allowed; // [allowed_count], by recording; NULL: all
    int64_t allowed_count;
} vb_index_query;

// Fills hits [count, best], of which found [count] are there: the largest dot products
// over all segments, equal ones in the order of segments. Every vector is read: from the
// file the first two times, then from a copy in memory (512 bytes for each of 256
// dimensions, and 24), until the index is changed by whoever it is.
VB_CHECKED vblip_status vb_index_search(vb_index *index, const vb_index_query *query,
                                        vb_index_hit *hits, uint32_t *found,
                                        vblip_error *err);

// Reads the vector [dims] of a hit.
VB_CHECKED vblip_status vb_index_vector(float *out, vb_index *index,
                                        const vb_index_hit *hit, vblip_error *err);

#endif // VB_INDEX_INDEX_H
