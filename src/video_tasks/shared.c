#include "video_tasks/shared.h"

#include <stdlib.h>
#include <string.h>

struct vb_shared_file {
    vb_video *video;
    vb_decode_options options;
    uint64_t number; // of the input
    uint32_t users;
    bool private; // of one member, and not to be found by others
};

// What a member has of a file. Tasks know it as a vb_video, and look into none.
typedef struct shared_video {
    struct vblip_member *member;
    vb_shared_file *file;
    vb_video_info info; // as if nobody else read the file
    uint32_t side;
} shared_video;

static shared_video *shared_of(vb_video *video)
{
    return (shared_video *)(void *)video;
}

static const shared_video *seen_shared(const vb_video *video)
{
    return (const shared_video *)(const void *)video;
}

// ---------------------------------------------------------------------------- opening

// Who reads is asked, on his own thread.
static int is_stopped(void *user)
{
    const vb_shared *shared = user;
    const vb_decode_options *o = &shared->members[shared->running].options;
    return o->stopped ? o->stopped(o->stopped_user) : 0;
}

// Whether what was opened with `a` is what would be opened with `b`, but for its size.
static bool is_same_opening(const vb_decode_options *a, const vb_decode_options *b)
{
    return a->max_pixels == b->max_pixels && a->max_duration_us == b->max_duration_us &&
           a->hwaccel == b->hwaccel && a->ignore_orientation == b->ignore_orientation;
}

// What serves all members that wait for the file.
static vb_decode_options joined_options(const struct vblip_member *member)
{
    vb_shared *shared = member->shared;
    vb_decode_options joined = member->options;
    for (uint32_t i = 0; i < shared->count; i++) {
        const struct vblip_member *other = &shared->members[i];
        const vb_decode_options *o = other->wants;
        if (!o || other->turn->major != member->turn->major ||
            !is_same_opening(&joined, o))
            continue;
        joined.keep_bytes =
            joined.keep_bytes > o->keep_bytes ? joined.keep_bytes : o->keep_bytes;
        joined.threads = joined.threads > o->threads ? joined.threads : o->threads;
    }
    joined.stopped = is_stopped;
    joined.stopped_user = shared;
    return joined;
}

static void leave_shared_file(vb_shared *shared, vb_shared_file *file)
{
    if (--file->users)
        return;
    if (shared->file == file)
        shared->file = NULL;
    shared->source.close(&file->video);
    free(file);
}

static vblip_status open_shared_file(vb_shared_file **out,
                                     const struct vblip_member *member,
                                     const char *path, bool private, vblip_error *err)
{
    vb_shared *shared = member->shared;
    vb_shared_file *file = calloc(1, sizeof *file);
    shared->running = member->turn->number;
    *out = NULL;
    if (!file)
        return vb_fail_memory(err, path);
    file->options = private ? member->options : joined_options(member);
    file->number = member->turn->major;
    file->private = private;
    const vblip_status status = shared->source.open(shared->source.user, &file->video,
                                                    path, &file->options, err);
    if (status != VBLIP_OK) {
        free(file);
        return status;
    }
    *out = file;
    if (!private)
        shared->file = file;
    return VBLIP_OK;
}

// The place of `path` among the inputs, from the one that is expected on.
static bool find_input(uint64_t *out, struct vblip_member *member, const char *path)
{
    const vb_shared *shared = member->shared;
    for (uint32_t i = member->next; i < shared->input_count; i++)
        if (strcmp(shared->inputs[i].path, path) == 0) {
            member->next = i + 1;
            *out = i + (uint64_t)1;
            return true;
        }
    return false;
}

// What is no input that comes next is opened for the member alone.
static vblip_status find_shared_file(vb_shared_file **out, struct vblip_member *member,
                                     const char *path, vblip_error *err)
{
    uint64_t number = 0;
    if (!find_input(&number, member, path))
        return open_shared_file(out, member, path, true, err);
    member->wants = &member->options;
    vb_coop_wait(member->turn, number, 0);
    member->wants = NULL;
    *out = member->shared->file;
    if (*out && (*out)->number == number &&
        is_same_opening(&(*out)->options, &member->options) &&
        (*out)->options.keep_bytes >= member->options.keep_bytes)
        return VBLIP_OK;
    return open_shared_file(out, member, path, false, err);
}

static vblip_status open_shared(void *user, vb_video **out, const char *path,
                                const vb_decode_options *options, vblip_error *err)
{
    struct vblip_member *member = user;
    vb_shared_file *file = NULL;
    *out = NULL;
    shared_video *seen = calloc(1, sizeof *seen);
    if (!seen)
        return vb_fail_memory(err, path);
    member->options = *options;
    const vblip_status status = find_shared_file(&file, member, path, err);
    if (status != VBLIP_OK) {
        free(seen);
        return status;
    }
    file->users++;
    *seen = (shared_video){.member = member,
                           .file = file,
                           .info = *member->shared->source.describe(file->video),
                           .side = options->side};
    *out = (vb_video *)(void *)seen;
    return VBLIP_OK;
}

static void close_shared(vb_video **video)
{
    if (!*video)
        return;
    shared_video *seen = shared_of(*video);
    leave_shared_file(seen->member->shared, seen->file);
    free(seen);
    *video = NULL;
}

// ---------------------------------------------------------------------------- reading

static const vb_frames *source_of(const shared_video *seen)
{
    return &seen->member->shared->source;
}

// The same, to read more of the file.
static const vb_frames *source_read_by(const shared_video *seen)
{
    seen->member->shared->running = seen->member->turn->number;
    return source_of(seen);
}

static vblip_status read_shared(vb_video *video, uint64_t index, uint8_t *rgb,
                                vb_frame *out, vblip_error *err)
{
    shared_video *seen = shared_of(video);
    vb_shared_file *file = seen->file;
    vblip_status status;
    if (!file->private)
        vb_coop_wait(seen->member->turn, file->number, index + 1);
    const vb_frames *source = source_read_by(seen);
    if (seen->side == file->options.side) {
        status = source->read(file->video, index, rgb, out, err);
    } else {
        status = source->read_small(file->video, index, false, seen->side, rgb, err);
        *out = (vb_frame){0};
        if (status == VBLIP_OK)
            *out = (vb_frame){.rgb = rgb,
                              .side = seen->side,
                              .time_us = source->time(file->video, index),
                              .index = index};
    }
    memcpy(seen->info.warning, source->describe(file->video)->warning,
           sizeof seen->info.warning);
    return status;
}

static const vb_video_info *describe_shared(const vb_video *video)
{
    return &seen_shared(video)->info;
}

static int64_t shared_time(const vb_video *video, uint64_t index)
{
    const shared_video *seen = seen_shared(video);
    return source_of(seen)->time(seen->file->video, index);
}

static uint64_t shared_index_at(const vb_video *video, int64_t time_us)
{
    const shared_video *seen = seen_shared(video);
    return source_of(seen)->index_at(seen->file->video, time_us);
}

// Reads what is left of the file: when nobody else wants a frame of it any more.
static vblip_status shared_content(vb_video *video, uint64_t *out, vblip_error *err)
{
    const shared_video *seen = shared_of(video);
    if (!seen->file->private)
        vb_coop_wait(seen->member->turn, seen->file->number, UINT64_MAX);
    return source_read_by(seen)->content(seen->file->video, out, err);
}

static uint64_t shared_place(const vb_video *video, uint64_t index)
{
    const shared_video *seen = seen_shared(video);
    return source_of(seen)->place(seen->file->video, index);
}

static uint64_t shared_next_key(const vb_video *video, uint64_t index)
{
    const shared_video *seen = seen_shared(video);
    return source_of(seen)->next_key(seen->file->video, index);
}

static bool shared_has_large(const vb_video *video, uint64_t from, uint64_t end)
{
    const shared_video *seen = seen_shared(video);
    return source_of(seen)->has_large(seen->file->video, from, end);
}

// The search for shots goes ahead of the frames, in its own turn.
static vblip_status read_shared_small(vb_video *video, uint64_t index, bool alone,
                                      uint32_t side, uint8_t *rgb, vblip_error *err)
{
    const shared_video *seen = shared_of(video);
    return source_read_by(seen)->read_small(seen->file->video, index, alone, side, rgb,
                                            err);
}

vb_frames vb_shared_frames(struct vblip_member *member)
{
    const vb_frames *source = &member->shared->source;
    member->next = 0;
    return (vb_frames){
        .open = open_shared,
        .close = close_shared,
        .describe = describe_shared,
        .time = shared_time,
        .index_at = shared_index_at,
        .read = read_shared,
        .content = source->content ? shared_content : NULL,
        .place = source->place ? shared_place : NULL,
        .next_key = shared_next_key,
        .has_large = shared_has_large,
        .read_small = read_shared_small,
        .user = member,
    };
}
