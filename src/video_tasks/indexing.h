// indexing.h - indexes brought up to date with the files that they are of.
//
// A file is known by its size and the time it was written to; then by a hash of what it
// holds, so that one that was moved, copied or touched is not seen anew. What cannot be
// read is remembered with its reason until it changes.
#ifndef VB_VIDEO_TASKS_INDEXING_H
#define VB_VIDEO_TASKS_INDEXING_H

#include "index/index.h"
#include "index/matches.h"
#include "index/tokens.h"
#include "vblip_library.h"
#include "video_tasks/cache.h"
#include "video_tasks/segments.h"
#include "video_tasks/tasks.h"

// An index, and what is known of its recordings. Zero but for the first group.
typedef struct vb_shelf {
    vb_index *index;
    const char *root; // what its paths are relative to, for files on disk; NULL: inputs
                      // are taken as they come, each by its own path
    bool may_write;
    uint64_t stamp;   // a hash of its stamp
    uint32_t *inputs; // [ids]: 1 + the input that a recording is; 0 = none
    int64_t ids;
} vb_shelf;

// Where an input belongs.
typedef struct vb_place {
    uint32_t shelf;
    const char *path; // in its index
} vb_place;

// Recordings that are gone from the disk are forgotten where the files of a folder were
// listed.
typedef struct vb_listed {
    uint32_t shelf;
    const char *prefix; // of paths in the index: "2024/", "" for all
} vb_listed;

typedef struct vb_indexing {
    const vb_task *task;
    const vblip_job *job;
    uint32_t frames; // of a segment
    vb_segmenting segmenting;
    bool retry_failed;
    bool must_write;   // an index that another process writes is a failure
    vb_shelf *shelves; // [shelf_count]
    uint32_t shelf_count;
    const vb_place *places;  // [inputs of the task]
    const vb_listed *listed; // [listed_count]
    uint32_t listed_count;
    bool
        as_it_is; // nothing is brought up to date: places are those of shelf 0, in the order of vb_path_order
    int64_t since_ns, until_ns; // inputs written to at another time are none; 0 = ever
    const char *const *include, *const *exclude; // as it is: globs of recordings

    // Of a search that follows, else zero: visuals of what is encoded are kept, the likeliest
    // candidates for these.
    const float *text_itc; // [text_count, projection]
    uint32_t text_count;
    vb_cache *cache;
    vb_tokens *tokens;    // of segments of files, on disk; NULL
    vb_matches *matches;  // what ITM said of those, on disk; NULL, also without tokens
    uint64_t match_stamp; // a hash of what that depends on beside the tokens
} vb_indexing;

// Brings all shelves up to date; each input that could be read is in shelf->inputs then.
// A file that cannot be read is reported to the job, also one that could not before. The
// indexes are snapshots then, until vb_index_live.
VB_CHECKED vblip_status vb_indexing_run(const vb_indexing *indexing,
                                        vblip_index_changes *changes, vblip_error *err);

void vb_shelf_free(vb_shelf *shelf); // all but the index

#endif // VB_VIDEO_TASKS_INDEXING_H
