// vblip_library.h - recordings that are encoded once and searched for years. The conventions of
// vblip.h hold here too; docs/library.md says what lies on disk.
#ifndef VBLIP_LIBRARY_H
#define VBLIP_LIBRARY_H

#include "vblip.h"

#ifdef __cplusplus
extern "C" {
#endif

// What is searched: files, and indexes of what is seen in them.
typedef struct vblip_library vblip_library;

typedef struct vblip_library_options {
    uint32_t size;
    const char *index;     // file that all inputs go to; NULL: one for each directory among them
    const char *data_dir;  // folder of those; NULL: nothing is left on disk
    const char *segment;   // "auto", "whole", "shots", or a length in seconds; NULL = auto
    uint32_t frames;       // of a segment; 0 = 8
    bool rebuild;          // indexes are made anew, whatever they hold
    bool retry_failed;     // files that could not be read before are tried again
    uint64_t tokens_bytes; // of visual tokens that ITM read, kept beside the indexes, at most;
                           // 0 = a tenth of the free disk up to 20 GB, UINT64_MAX = none
    bool write;            // an index that cannot be written is a failure
} vblip_library_options;

// Opens the indexes of `inputs`, and makes those that are not there. Files that are named by
// themselves are in none unless options->index says where. An index that cannot be written, or that
// another process writes, is searched as it is unless options->write. Model and inputs must outlive
// the library.
VBLIP_CHECKED vblip_status vblip_library_open(vblip_library **out, vblip_model *model,
    const vblip_inputs *inputs, const vblip_library_options *options, vblip_error *err);
VBLIP_API void vblip_library_close(vblip_library **library);

// Files, but for the segments.
typedef struct vblip_index_changes {
    uint64_t unchanged, added, changed, moved, removed, failed; // moved: also copied or touched
    uint64_t waiting;  // changed, but the index cannot be written now
    uint64_t segments; // that were encoded
    uint64_t unkept;   // in directories whose index cannot be made: encoded for this search alone
    uint64_t passed_over; // candidates of VBLIP_RERANK_AUTO that ITM was not asked about
    uint64_t away;        // that it could not be: their files are not there, or are others now
} vblip_index_changes;

// In vblip_retrieve_options, for `rerank`: of the best 128 all whose visual tokens are at hand, and
// the best 16 of the others, whose frames are encoded anew, or on a GPU all of them.
#define VBLIP_RERANK_AUTO (-2)

// Brings the indexes up to date. Files that cannot be read are reported to the job.
VBLIP_CHECKED vblip_status vblip_library_update(
    vblip_library *library, const vblip_job *job, vblip_index_changes *changes, vblip_error *err);

// A picture, or a part of a recording.
typedef struct vblip_example {
    const char *path;
    int64_t start_us, end_us; // end 0 = to its end
    float weight; // of its vector in the sum with that of a query, which has 1; below 0: unlike it
} vblip_example;

typedef struct vblip_search_options {
    uint32_t size;
    const vblip_retrieve_options *retrieve; // NULL = the defaults
    const vblip_example *examples;          // that hits are to be like; ITM is not asked then
    uint32_t example_count;
    const char *then;  // a hit is two segments of a recording: one of the query, and one of this
    int64_t within_us; // behind it, begun so long after its end at most
    bool by_recording; // of each recording the best hit alone
    float same;        // what has this cosine with a better hit, or more, is left out; 0 = nothing
    uint32_t offset;   // hits that are passed over: the first has this rank, and 1
    int64_t since_ns, until_ns; // only files written to then, since 1970; 0 = ever
    // Without inputs: only recordings whose paths in the index these globs take, as in
    // vblip_inputs_options.
    const char *const *include, *const *exclude;
} vblip_search_options;

// As vblip_retrieve, of the segments of all inputs, which are brought up to date first; `changes`
// may be NULL. Without inputs all of the index that was named is searched as it is; the `input` of
// a hit is UINT32_MAX then. With examples there may be no queries: they are one. Of a hit that is
// two segments, scores and logits are sums, and P(match) is the product.
VBLIP_CHECKED vblip_status vblip_library_retrieve(vblip_library *library,
    const char *const *queries, uint32_t count, const vblip_search_options *options,
    vblip_index_changes *changes, vblip_hit_fn fn, void *user, vblip_error *err);

// -------------------------------------------------------------- candidates found elsewhere

// A part of a file, and texts about it.
typedef struct vblip_candidate {
    const char *path;
    int64_t start_us, end_us; // as in vblip_clip_options
    const char *const *texts; // [text_count]
    uint32_t text_count;
} vblip_candidate;

// As vblip_clip_match, of many clips: `input` of rows, and of what is told to the job, is the number
// of a candidate, `text` that of one of its texts. Rows come in the order of the candidates.
VBLIP_CHECKED vblip_status vblip_match_candidates(vblip_model *model,
    const vblip_candidate *candidates, uint32_t count, const vblip_match_options *options,
    vblip_match_fn fn, void *user, vblip_error *err);

// ------------------------------------------------------------------- indexes by themselves

// What needs neither a model nor a device.
typedef struct vblip_index_info {
    const char *path, *root;
    uint64_t recordings, failed, segments, bytes; // failed ones are among the recordings
} vblip_index_info;
typedef int (*vblip_index_info_fn)(void *user, const vblip_index_info *info);

typedef struct vblip_index_recording {
    const char *path;  // relative to the root
    uint64_t size;     // bytes
    const char *error; // NULL, or why it could not be read
} vblip_index_recording;
typedef int (*vblip_index_recording_fn)(void *user, const vblip_index_recording *recording);

// Calls `fn` once, or for each index of a library.
VBLIP_CHECKED vblip_status vblip_index_describe(
    const char *path, vblip_index_info_fn fn, void *user, vblip_error *err);
VBLIP_CHECKED vblip_status vblip_library_describe(
    vblip_library *library, vblip_index_info_fn fn, void *user, vblip_error *err);
VBLIP_CHECKED vblip_status vblip_index_list(
    const char *path, vblip_index_recording_fn fn, void *user, vblip_error *err);
// Calls `fn` with the file of every index in the folder `data_dir`, by name, or of those alone that
// `path` lies in the root of, or whose root lies in `path`. Files that are no index are passed over.
typedef int (*vblip_index_path_fn)(void *user, const char *path);
VBLIP_CHECKED vblip_status vblip_index_each(
    const char *data_dir, const char *path, vblip_index_path_fn fn, void *user, vblip_error *err);
// Calls `fn` with every segment, in the order of paths, then of times: all as they were when the
// call began.
typedef struct vblip_index_segment {
    uint64_t number, total; // from 0; of the segments in the index
    const char *path;       // of the recording: the root and its name
    bool timed;             // a video: start and end mean something
    int64_t start_us, end_us;
    const float *vector; // [dims], ITC's: of length 1, kept in f16
    uint32_t dims;
} vblip_index_segment;
typedef int (*vblip_index_segment_fn)(void *user, const vblip_index_segment *segment);
VBLIP_CHECKED vblip_status vblip_index_export(
    const char *path, vblip_index_segment_fn fn, void *user, vblip_error *err);
// Reads all of it. VBLIP_ERR_FORMAT names the first thing that is wrong.
VBLIP_CHECKED vblip_status vblip_index_verify(const char *path, vblip_error *err);

// ------------------------------------------------------------------ indexes that are changed

// Forgets the recordings at `paths`, a file or all in a directory each, in the index at `index`, and
// writes to removed [count] how many they were: 0 where it has none. Nothing need be at the paths.
// A file that is still there is encoded again when its directory is brought up to date.
VBLIP_CHECKED vblip_status vblip_index_remove(const char *index, const char *const *paths,
    uint32_t count, uint64_t *removed, vblip_error *err);

// The directory `from` is at `to` now: an index whose root is `from`, or lies in it, gets the root
// that is there now, and its file the new default name if it has the old one; `fn` is called then.
// VBLIP_ERR_IO where `to` is no directory, or has an index of that name already, or another program
// has the index open.
typedef struct vblip_index_remapped {
    const char *path, *root;         // the file, and what paths are relative to, now
    const char *old_path, *old_root; // and before; path may be the same
} vblip_index_remapped;
typedef int (*vblip_index_remapped_fn)(void *user, const vblip_index_remapped *remapped);
VBLIP_CHECKED vblip_status vblip_index_remap(const char *index, const char *from, const char *to,
    vblip_index_remapped_fn fn, void *user, vblip_error *err);

// Makes an index at `path` of all that `indexes` hold, whose stamps must be the same, relative to
// the directory that their roots have in common. Of several recordings with one path that stands
// which could be read, then which was written to last, then which came first. What another process
// writes is read as it is when its turn comes. The file appears whole, at the end; one that is there
// is replaced only with `replace`, only if it is an index that nobody has open, and none of
// `indexes`. Calls `fn` with each recording; where it returns non-zero, nothing is made.
typedef struct vblip_merged {
    const char *path;  // of the recording, relative to the new root
    const char *index; // that it was read from
    bool differs;      // an index before has another file of that path
    bool taken;        // what stands now is of this index, else of one before
} vblip_merged;
typedef int (*vblip_merged_fn)(void *user, const vblip_merged *merged);
VBLIP_CHECKED vblip_status vblip_index_merge(const char *path, const char *const *indexes,
    uint32_t count, bool replace, vblip_merged_fn fn, void *user, vblip_error *err);

#ifdef __cplusplus
} // extern "C"
#endif

#endif // VBLIP_LIBRARY_H
