#include "video_tasks/indexing.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/set.h"
#include "base/text.h"
#include "decode/inputs.h"
#include "video_tasks/clip_encoder.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"

#include <stdlib.h>
#include <string.h>

// One run over all inputs.
typedef struct indexing_run {
    const vb_indexing *in;
    vblip_index_changes *changes;
    vb_file_facts *files; // [inputs], of those on disk
    uint32_t *pending;    // [pending_count], inputs to be encoded
    uint32_t pending_count;
    uint32_t *again; // [again_count], inputs that are the same file as a pending one
    uint32_t again_count;
    vb_set places;  // of pending inputs: "SHELF PATH"
    vb_string text; // a path that is put together

    // The recording in work.
    vb_segment *segments; // [capacity]
    float *vectors;       // [capacity, projection]
    uint32_t count, capacity;
    uint32_t parts; // segments that it is taken to have

    // What is left to do: a file is taken for one segment until it is open; how much
    // larger others were, by their bytes, tells of those that are not.
    vb_meter meter;
    uint64_t planned; // frames of the files that were opened
    uint64_t more;    // of these, beyond one segment each
    uint64_t seen_bytes, unseen_bytes;
    uint32_t unseen;
    double searching_s; // for parts, in what was opened,
    double known_s;     // and of that, in the recording in work
} indexing_run;

static vb_shelf *shelf_of(const indexing_run *r, uint32_t input)
{
    return &r->in->shelves[r->in->places[input].shelf];
}

static const char *typed_path(const indexing_run *r, uint32_t input)
{
    return r->in->task->inputs[input].path;
}

void vb_shelf_free(vb_shelf *shelf)
{
    free(shelf->inputs);
    shelf->inputs = NULL;
    shelf->ids = 0;
}

// Recording `id` is that of an input.
static vblip_status note_recording(vb_shelf *shelf, int64_t id, uint32_t input,
                                   vblip_error *err)
{
    if (id >= shelf->ids) {
        const int64_t ids = id + id / 2 + 64;
        uint32_t *inputs = realloc(shelf->inputs, (size_t)ids * sizeof *inputs);
        if (!inputs)
            return vb_fail_memory(err, "recordings");
        memset(inputs + shelf->ids, 0, (size_t)(ids - shelf->ids) * sizeof *inputs);
        shelf->inputs = inputs;
        shelf->ids = ids;
    }
    shelf->inputs[id] = input + 1;
    return VBLIP_OK;
}

// -------------------------------------------------------------------- what is known

// A recording with the content of a file.
typedef struct same_content {
    uint64_t content;
    int64_t id;
    vb_string *path;
} same_content;

static vblip_status note_same(void *user, const vb_recording *recording,
                              vblip_error *err)
{
    same_content *same = user;
    if (same->id || recording->error || recording->content != same->content)
        return VBLIP_OK;
    same->id = recording->id;
    vb_string_clear(same->path);
    vb_string_puts(same->path, recording->path);
    return same->path->failed ? vb_fail_memory(err, recording->path) : VBLIP_OK;
}

static vblip_status note_any(void *user, const vb_recording *recording,
                             vblip_error *err)
{
    (void)recording;
    (void)err;
    *(bool *)user = true;
    return VBLIP_OK;
}

static vblip_status hash_input_file(const indexing_run *r, uint64_t *out,
                                    uint32_t input, vblip_error *err)
{
    return vb_hash_file(out, typed_path(r, input), vb_halt_asked, r->in->task->halt,
                        err);
}

// Finds a recording whose file held the same, and its path in r->text; id 0: none. Files of
// another size are not read for that.
static vblip_status find_same(same_content *same, indexing_run *r, uint32_t input,
                              vblip_error *err)
{
    vb_index *index = shelf_of(r, input)->index;
    const uint64_t size = r->files[input].size;
    bool any = false;
    vblip_error unread = {0};
    *same = (same_content){.path = &r->text};
    VB_TRY(vb_index_each_sized(index, size, note_any, &any, err));
    if (!any)
        return VBLIP_OK;
    if (hash_input_file(r, &same->content, input, &unread) != VBLIP_OK)
        return unread.status == VBLIP_ERR_CANCELLED ? vb_fail_cancelled(err)
                                                    : VBLIP_OK; // reading it says why
    return vb_index_each_sized(index, size, note_same, same, err);
}

static vblip_status copy_recording(indexing_run *r, uint32_t input, int64_t from,
                                   vblip_error *err)
{
    vb_index *index = shelf_of(r, input)->index;
    vb_recording recording;
    vb_found found;
    VB_TRY(vb_index_find_id(&recording, index, from, err));
    recording.path = r->in->places[input].path;
    recording.modified_ns = r->files[input].modified_ns;
    VB_TRY(vb_index_read(&found, index, from, err));
    const vblip_status status = vb_index_put(index, &recording, found.segments,
                                             found.vectors, found.count, err);
    vb_found_free(&found);
    return status;
}

// The file of an input was seen before: here, when it was touched since, or elsewhere.
static vblip_status take_over(indexing_run *r, uint32_t input, const same_content *same,
                              vblip_error *err)
{
    const vb_shelf *shelf = shelf_of(r, input);
    const char *path = r->in->places[input].path;
    vb_file_facts facts;
    vblip_error gone = {0};
    vb_string at = {0};
    vb_string_appendf(&at, "%s/%s", shelf->root, same->path->bytes);
    const bool copy = !at.failed && strcmp(same->path->bytes, path) != 0 &&
                      vb_file_look(&facts, at.bytes, &gone) == VBLIP_OK;
    vb_string_free(&at);
    r->changes->moved++;
    if (copy)
        return copy_recording(r, input, same->id, err);
    return vb_index_rename(shelf->index, same->id, path, r->files[input].modified_ns,
                           err);
}

static vblip_status report_remembered(const indexing_run *r, uint32_t input,
                                      const vb_recording *known, vblip_error *err)
{
    vblip_error why = {0};
    vb_fail(&why, VBLIP_ERR_FORMAT, "%s", known->error);
    r->changes->failed++;
    return vb_job_failed(r->in->job, input, typed_path(r, input), &why, err);
}

static vblip_status note_found(indexing_run *r, uint32_t input, vblip_error *err)
{
    vb_recording now;
    vb_shelf *shelf = shelf_of(r, input);
    VB_TRY(vb_index_find(&now, shelf->index, r->in->places[input].path, err));
    return now.id ? note_recording(shelf, now.id, input, err) : VBLIP_OK;
}

// An input that is to be encoded, unless another one is the same file.
static vblip_status add_pending(indexing_run *r, uint32_t input, bool *added,
                                vblip_error *err)
{
    const vb_place *place = &r->in->places[input];
    vb_string_clear(&r->text);
    vb_string_appendf(&r->text, "%u %s", (unsigned)place->shelf, place->path);
    const vb_seen seen =
        r->text.failed ? VB_SEEN_FAILED : vb_set_add(&r->places, r->text.bytes);
    if (seen == VB_SEEN_FAILED)
        return vb_fail_memory(err, "inputs");
    *added = seen == VB_SEEN_NEW;
    if (*added)
        r->pending[r->pending_count++] = input;
    else
        r->again[r->again_count++] = input;
    return VBLIP_OK;
}

// A file that is not as the index knows it.
static vblip_status classify_changed(indexing_run *r, uint32_t input,
                                     const vb_recording *known, vblip_error *err)
{
    vb_shelf *shelf = shelf_of(r, input);
    const bool stands = known->id && !known->error;
    const int64_t id = known->id;
    if (!shelf->may_write) {
        r->changes->waiting++;
        return stands ? note_recording(shelf, id, input, err) : VBLIP_OK;
    }
    same_content same;
    VB_TRY(find_same(&same, r, input, err));
    if (same.id) {
        VB_TRY(take_over(r, input, &same, err));
        return note_found(r, input, err);
    }
    bool added;
    VB_TRY(add_pending(r, input, &added, err));
    r->changes->changed += added && id != 0;
    r->changes->added += added && id == 0;
    return VBLIP_OK;
}

// Whether a time at which a file was written to is not asked for.
static bool is_outside(const vb_indexing *in, int64_t modified_ns)
{
    return (in->since_ns && modified_ns < in->since_ns) ||
           (in->until_ns && modified_ns > in->until_ns);
}

static bool is_file_outside(const indexing_run *r, uint32_t input)
{
    vb_file_facts facts;
    vblip_error unread = {0};
    return (r->in->since_ns || r->in->until_ns) && !r->in->task->inputs[input].error &&
           vb_file_look(&facts, typed_path(r, input), &unread) == VBLIP_OK &&
           is_outside(r->in, facts.modified_ns);
}

static vblip_status classify(indexing_run *r, uint32_t input, vblip_error *err)
{
    bool added;
    vb_shelf *shelf = shelf_of(r, input);
    vb_recording known;
    vblip_error unread = {0};
    if (r->in->task->inputs[input].error || !shelf->root ||
        vb_file_look(&r->files[input], typed_path(r, input), &unread) != VBLIP_OK) {
        VB_TRY(add_pending(r, input, &added, err)); // reading it says what is wrong
        r->changes->added += added && !r->in->task->inputs[input].error;
        return VBLIP_OK;
    }
    VB_TRY(vb_index_find(&known, shelf->index, r->in->places[input].path, err));
    if (!known.id || known.size != r->files[input].size ||
        known.modified_ns != r->files[input].modified_ns)
        return classify_changed(r, input, &known, err);
    if (!known.error) {
        r->changes->unchanged++;
        return note_recording(shelf, known.id, input, err);
    }
    if (!r->in->retry_failed || !shelf->may_write)
        return report_remembered(r, input, &known, err);
    VB_TRY(add_pending(r, input, &added, err));
    r->changes->changed += added;
    return VBLIP_OK;
}

// -------------------------------------------------------------------------- progress

static void expect_frames(indexing_run *r)
{
    const uint64_t each = r->in->frames;
    uint64_t total = r->planned + r->unseen * each;
    if (r->seen_bytes)
        total += (uint64_t)((double)r->unseen_bytes * (double)r->more /
                            (double)r->seen_bytes);
    r->meter.total = total;
}

// Looking for parts goes by the bytes of the files: what it took so far, and will take.
static void expect_searching(indexing_run *r, const vb_clip *clip)
{
    const bool failed = clip->error.status != VBLIP_OK;
    const double size = (double)r->files[clip->input].size;
    const double ahead = failed ? 0 : (1 - clip->searched) * size;
    const double behind = (double)r->seen_bytes - ahead;
    const double more_s = clip->searching_s - r->known_s;
    r->known_s = failed || clip->part + 1 == clip->parts ? 0 : clip->searching_s;
    r->searching_s += more_s;
    r->meter.aside_s += more_s;
    r->meter.aside_left_s =
        behind > 0 ? r->searching_s / behind * ((double)r->unseen_bytes + ahead) : 0;
}

// A file was opened, or could not be, and has so many frames to encode.
static void file_is_known(indexing_run *r, uint32_t input, uint64_t frames)
{
    const uint64_t size = r->files[input].size, each = r->in->frames;
    r->unseen--;
    r->unseen_bytes -= size;
    r->seen_bytes += size;
    r->planned += frames;
    r->more += frames > each ? frames - each : 0;
}

// The recording in work is now taken to have `parts` segments.
static void expect_segments(indexing_run *r, uint32_t parts)
{
    const uint64_t more = ((uint64_t)parts - r->parts) * r->in->frames; // or fewer
    r->planned += more;
    r->more += more;
}

// -------------------------------------------------------------------------- encoding

static vblip_status make_segment_room(indexing_run *r, vblip_error *err)
{
    if (r->count < r->capacity)
        return VBLIP_OK;
    const uint32_t capacity = r->capacity ? 2 * r->capacity : 16;
    const size_t width = r->in->task->ops->projection;
    vb_segment *segments = realloc(r->segments, capacity * sizeof *segments);
    if (segments)
        r->segments = segments;
    float *vectors = realloc(r->vectors, capacity * width * sizeof *vectors);
    if (vectors)
        r->vectors = vectors;
    if (!segments || !vectors)
        return vb_fail_memory(err, "segments");
    r->capacity = capacity;
    return VBLIP_OK;
}

static vblip_status encode_segment(indexing_run *r, vb_clip_encoder *encoder,
                                   const vb_clip *clip, vblip_error *err)
{
    const vb_indexing *in = r->in;
    const vb_clip_key key = {clip->input, clip->start_us};
    const uint32_t width = in->task->ops->projection;
    vb_encoding *got;
    VB_TRY(make_segment_room(r, err));
    VB_TRY(vb_clip_encoder_encode(&got, encoder, err));
    memcpy(r->vectors + (size_t)r->count * width, got->itc, width * sizeof *got->itc);
    if (in->cache)
        VB_TRY(vb_cache_put(in->cache, key,
                            vb_best_dot(in->text_itc, in->text_count, got->itc, width),
                            &got->visual, err));
    r->segments[r->count++] = (vb_segment){clip->start_us, clip->end_us};
    r->changes->segments++;
    return VBLIP_OK;
}

// Takes the hash of a file that was read whole; of one that could not be read, sees that it
// can be opened.
static vblip_status settle_content(uint64_t *content, const indexing_run *r,
                                   const vb_clip *clip, vblip_error *err)
{
    vb_file file;
    if (content && !clip->hashed)
        return hash_input_file(r, content, clip->input, err);
    if (content) {
        *content = clip->content;
        return VBLIP_OK;
    }
    VB_TRY(vb_file_open(&file, typed_path(r, clip->input), err));
    vb_file_close(&file);
    return VBLIP_OK;
}

// Whether the file is there as it was when it was looked at first, and its hash where
// `content` is not NULL. What went away or was written to meanwhile may be whole the next
// time: it is reported, and not kept. (Of `content` NULL that was reported before.)
static vblip_status check_input_file(bool *there, indexing_run *r, const vb_clip *clip,
                                     uint64_t *content, vblip_error *err)
{
    const vb_file_facts *before = &r->files[clip->input];
    const char *path = typed_path(r, clip->input);
    vb_file_facts now;
    vblip_error why = {0};
    vblip_status status = settle_content(content, r, clip, &why);
    if (status == VBLIP_OK)
        status = vb_file_look(&now, path, &why);
    if (status == VBLIP_OK &&
        (now.size != before->size || now.modified_ns != before->modified_ns))
        status = vb_fail(&why, VBLIP_ERR_IO, "changed while it was read");
    *there = status == VBLIP_OK;
    if (*there || !content)
        return why.status == VBLIP_ERR_CANCELLED ? vb_fail_cancelled(err) : VBLIP_OK;
    r->changes->failed++;
    return vb_job_failed(r->in->job, clip->input, path, &why, err);
}

// Writes the recording in work, or why there is none; `why` NULL: it was read.
static vblip_status put_recording_of(indexing_run *r, const vb_clip *clip,
                                     const char *why, vblip_error *err)
{
    vb_shelf *shelf = shelf_of(r, clip->input);
    vb_recording recording = {
        .path = r->in->places[clip->input].path,
        .size = r->files[clip->input].size,
        .modified_ns = r->files[clip->input].modified_ns,
        .timed = !clip->info.still,
        .error = why,
    };
    bool there = true;
    if (shelf->root)
        VB_TRY(check_input_file(&there, r, clip, why ? NULL : &recording.content, err));
    if (!there)
        return VBLIP_OK;
    VB_TRY(vb_index_put(shelf->index, &recording, r->segments, r->vectors,
                        why ? 0 : r->count, err));
    return why ? VBLIP_OK : note_found(r, clip->input, err);
}

// Whether the file is why, so that it need not be tried again as it is.
static bool is_lasting(const vblip_error *why)
{
    return why->status == VBLIP_ERR_IO || why->status == VBLIP_ERR_FORMAT ||
           why->status == VBLIP_ERR_UNSUPPORTED;
}

static vblip_status take_failure(indexing_run *r, const vb_clip *clip, vblip_error *err)
{
    const char *path = typed_path(r, clip->input);
    const vb_shelf *shelf = shelf_of(r, clip->input);
    if (clip->part == 0)
        file_is_known(r, clip->input, 0);
    else // what is left of its segments
        r->planned -= (uint64_t)(r->parts - clip->part) * r->in->frames;
    r->changes->failed++;
    VB_TRY(vb_job_failed(r->in->job, clip->input, path, &clip->error, err));
    if (shelf->root && !r->in->task->inputs[clip->input].error &&
        is_lasting(&clip->error))
        VB_TRY(
            put_recording_of(r, clip, vb_without_path(clip->error.message, path), err));
    r->count = 0;
    expect_frames(r);
    expect_searching(r, clip);
    return vb_meter_add(&r->meter, path, 0, err);
}

static vblip_status take_segment(indexing_run *r, vb_clip_encoder *encoder,
                                 const vb_clip *clip, vblip_error *err)
{
    const uint64_t each = clip->info.still ? 1 : r->in->frames;
    if (clip->error.status != VBLIP_OK)
        return take_failure(r, clip, err);
    if (clip->part == 0)
        file_is_known(r, clip->input, clip->parts * each);
    else
        expect_segments(r, clip->parts);
    expect_searching(r, clip);
    if (r->meter.done == 0) // what was done once says nothing of what is left
        vb_meter_restart(&r->meter);
    r->parts = clip->parts;
    r->planned += clip->count;
    r->planned -= each;
    VB_TRY(encode_segment(r, encoder, clip, err));
    if (clip->part + 1 == clip->parts) {
        VB_TRY(put_recording_of(r, clip, NULL, err));
        r->count = 0;
    }
    expect_frames(r);
    return vb_meter_add(&r->meter, typed_path(r, clip->input), clip->count, err);
}

// Whether a recording's hash is kept: an index in memory has none.
static bool wants_contents(const indexing_run *r)
{
    for (uint32_t i = 0; i < r->pending_count; i++)
        if (shelf_of(r, r->pending[i])->root)
            return true;
    return false;
}

static vblip_status encode_pending(indexing_run *r, vblip_error *err)
{
    const vb_indexing *in = r->in;
    if (r->pending_count == 0)
        return VBLIP_OK;
    const vb_clips_plan plan = {
        .order = r->pending,
        .count = r->pending_count,
        .frames = in->frames,
        .segmenting = &in->segmenting,
        .contents = wants_contents(r),
    };
    r->unseen = r->pending_count;
    for (uint32_t i = 0; i < r->pending_count; i++)
        r->unseen_bytes += r->files[r->pending[i]].size;
    r->meter = vb_meter_start(in->job, "frames", 0);
    vb_clip_encoder *encoder = NULL;
    VB_TRY(vb_clip_encoder_open(&encoder, in->task, in->job, &plan, true, err));
    // Looking for the shots of a long recording takes minutes: what it is at is said before.
    vblip_status status = vb_meter_add(&r->meter, typed_path(r, r->pending[0]), 0, err);
    expect_frames(r);
    const vb_clip *clip = NULL;
    while (status == VBLIP_OK && (clip = vb_clip_encoder_next(encoder)))
        status = take_segment(r, encoder, clip, err);
    vb_clip_encoder_close(&encoder);
    return status;
}

// ------------------------------------------------------------------ what is gone

// Ids of recordings of a folder that no input is, and whose files are gone.
typedef struct gone_list {
    const vb_shelf *shelf;
    const char *prefix;
    vb_string *text;
    int64_t *ids;
    size_t count, capacity;
} gone_list;

// Whether the folder of `path` is there and empty, as where a disk is missing.
static bool lies_in_empty_folder(char *path)
{
    char *slash = strrchr(path, '/');
    *slash = '\0';
    const bool empty = vb_folder_is_empty(slash > path ? path : "/");
    *slash = '/';
    return empty;
}

static vblip_status note_gone(void *user, const vb_recording *recording,
                              vblip_error *err)
{
    gone_list *gone = user;
    vb_file_facts facts;
    vblip_error why = {0};
    const vb_shelf *shelf = gone->shelf;
    if (strncmp(recording->path, gone->prefix, strlen(gone->prefix)) != 0 ||
        (recording->id < shelf->ids && shelf->inputs[recording->id]))
        return VBLIP_OK;
    vb_string_clear(gone->text);
    vb_string_appendf(gone->text, "%s/%s", shelf->root, recording->path);
    if (gone->text->failed)
        return vb_fail_memory(err, recording->path);
    if (vb_file_look(&facts, gone->text->bytes, &why) == VBLIP_OK || !facts.missing ||
        lies_in_empty_folder(gone->text->bytes))
        return VBLIP_OK;
    if (gone->count == gone->capacity) {
        const size_t capacity = gone->capacity ? 2 * gone->capacity : 64;
        int64_t *ids = realloc(gone->ids, capacity * sizeof *ids);
        if (!ids)
            return vb_fail_memory(err, "recordings");
        gone->ids = ids;
        gone->capacity = capacity;
    }
    gone->ids[gone->count++] = recording->id;
    return VBLIP_OK;
}

static vblip_status forget_gone(indexing_run *r, const vb_listed *listed,
                                vblip_error *err)
{
    const vb_shelf *shelf = &r->in->shelves[listed->shelf];
    gone_list gone = {.shelf = shelf, .prefix = listed->prefix, .text = &r->text};
    if (!shelf->may_write)
        return VBLIP_OK;
    vblip_status status = vb_index_each(shelf->index, note_gone, &gone, err);
    for (size_t i = 0; status == VBLIP_OK && i < gone.count; i++)
        status = vb_index_remove(shelf->index, gone.ids[i], err);
    if (status == VBLIP_OK)
        r->changes->removed += gone.count;
    free(gone.ids);
    return status;
}

// ------------------------------------------------------------------------------ as it is

static int by_path_of_place(const void *left, const void *right)
{
    return vb_path_order(((const vb_place *)left)->path,
                         ((const vb_place *)right)->path);
}

static vblip_status note_as_it_is(void *user, const vb_recording *recording,
                                  vblip_error *err)
{
    const indexing_run *r = user;
    const vb_indexing *in = r->in;
    const vb_place key = {.path = recording->path};
    if (recording->error || is_outside(in, recording->modified_ns) ||
        !vb_globs_take(in->include, in->exclude, recording->path))
        return VBLIP_OK;
    const vb_place *place =
        bsearch(&key, in->places, in->task->input_count, sizeof key, by_path_of_place);
    if (!place) // written since
        return VBLIP_OK;
    return note_recording(&in->shelves[0], recording->id,
                          (uint32_t)(place - in->places), err);
}

// ---------------------------------------------------------------------------- the whole

static vblip_status index_inputs(indexing_run *r, vblip_error *err)
{
    const uint32_t inputs = r->in->task->input_count;
    r->files = calloc(inputs ? inputs : 1, sizeof *r->files);
    r->pending = calloc(inputs ? inputs : 1, sizeof *r->pending);
    r->again = calloc(inputs ? inputs : 1, sizeof *r->again);
    if (!r->files || !r->pending || !r->again)
        return vb_fail_memory(err, "inputs");
    for (uint32_t i = 0; i < inputs; i++) {
        if (!is_file_outside(r, i))
            VB_TRY(classify(r, i, err));
        if (vb_halt_asked(r->in->task->halt))
            return vb_fail_cancelled(err);
    }
    VB_TRY(encode_pending(r, err));
    for (uint32_t i = 0; i < r->again_count; i++)
        VB_TRY(note_found(r, r->again[i], err));
    const bool some =
        r->in->since_ns || r->in->until_ns; // one that moved may be outside
    for (uint32_t i = 0; !some && i < r->in->listed_count; i++)
        VB_TRY(forget_gone(r, &r->in->listed[i], err));
    return VBLIP_OK;
}

// Another process may write a shelf just now; then it is taken as it is, unless it must be
// written. could [shelf_count]: which might be written before, for release_shelves.
static vblip_status hold_shelves(const indexing_run *r, bool *could, vblip_error *err)
{
    for (uint32_t i = 0; i < r->in->shelf_count; i++) {
        vb_shelf *shelf = &r->in->shelves[i];
        vblip_error busy = {0};
        could[i] = shelf->may_write;
        if (shelf->ids) // of a run before this one
            memset(shelf->inputs, 0, (size_t)shelf->ids * sizeof *shelf->inputs);
        if (!shelf->may_write || vb_index_hold(shelf->index, &busy) == VBLIP_OK)
            continue;
        if (r->in->must_write)
            return vb_fail(err, busy.status, "%s", busy.message);
        shelf->may_write = false;
    }
    return VBLIP_OK;
}

static void release_shelves(const indexing_run *r, const bool *could)
{
    for (uint32_t i = 0; i < r->in->shelf_count; i++) {
        vb_index_release(r->in->shelves[i].index);
        r->in->shelves[i].may_write = could[i];
    }
}

vblip_status vb_indexing_run(const vb_indexing *indexing, vblip_index_changes *changes,
                             vblip_error *err)
{
    *changes = (vblip_index_changes){0};
    indexing_run r = {.in = indexing, .changes = changes};
    bool *could = calloc(indexing->shelf_count + 1, sizeof *could);
    if (!could)
        return vb_fail_memory(err, "indexes");
    vblip_status status = hold_shelves(&r, could, err);
    if (status == VBLIP_OK && !indexing->as_it_is)
        status = index_inputs(&r, err);
    for (uint32_t i = 0; status == VBLIP_OK && i < indexing->shelf_count; i++)
        status = vb_index_snapshot(indexing->shelves[i].index, err);
    if (status == VBLIP_OK && indexing->as_it_is && indexing->task->input_count)
        status = vb_index_each(indexing->shelves[0].index, note_as_it_is, &r, err);
    release_shelves(&r, could);
    free(could);
    free(r.files);
    free(r.pending);
    free(r.again);
    vb_set_free(&r.places);
    free(r.segments);
    free(r.vectors);
    vb_string_free(&r.text);
    return status;
}
