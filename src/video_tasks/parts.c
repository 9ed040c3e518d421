#include "video_tasks/parts.h"

#include "video_tasks/pipeline.h"

enum { MOST_PARTS = 8, WORTH = 16 }; // WORTH: frames decoded, less are not divided

// So many frames of a file, and what came of them.
typedef struct part {
    uint32_t first, count; // of the indices
    vblip_error error;
} part;

typedef struct parted {
    const vb_frames *source;
    vb_video *video; // of the first part
    const char *path;
    vb_decode_options options; // of the others
    const uint64_t *indices;
    uint8_t *pixels;
    vb_frame *frames;
    uint32_t count; // of parts
    part parts[MOST_PARTS];
} parted;

// Frames that are decoded for index i, the one before having been read; for `first` nothing
// was.
static uint64_t cost_of(const parted *p, uint32_t i, bool first)
{
    return p->source->decoded_for(p->video, first ? UINT64_MAX : p->indices[i - 1],
                                  p->indices[i]);
}

// Divides `count` indices among at most `most` parts, of about equal cost each.
static void divide(parted *p, uint32_t count, uint32_t most)
{
    uint64_t total = 0, done = 0;
    for (uint32_t i = 0; i < count; i++)
        total += cost_of(p, i, i == 0);
    p->count = 1;
    p->parts[0].count = count;
    if (total < WORTH)
        return;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t cost = cost_of(p, i, i == 0), alone = cost_of(p, i, true);
        part *last = &p->parts[p->count - 1];
        // A part begins where its share does, if that costs a quarter of one at most.
        const uint64_t share = total / most;
        if (i && p->count < most && done + cost / 2 >= share * p->count &&
            alone <= cost + share / 4) {
            last->count = i - last->first;
            p->parts[p->count++] = (part){.first = i, .count = count - i};
        }
        done += cost;
    }
}

static vblip_status read_one_by_one(parted *p, const part *of, vb_video *video,
                                    vblip_error *err)
{
    const size_t bytes = (size_t)p->options.side * p->options.side * 3;
    for (uint32_t i = of->first; i < of->first + of->count; i++)
        VB_TRY(p->source->read(video, p->indices[i], p->pixels + i * bytes,
                               &p->frames[i], err));
    return VBLIP_OK;
}

static void produce_part(void *user, uint64_t item, uint32_t slot)
{
    (void)slot;
    parted *p = user;
    part *of = &p->parts[item];
    vb_video *video = item ? NULL : p->video;
    vblip_status status = VBLIP_OK;
    if (item)
        status =
            p->source->open(p->source->user, &video, p->path, &p->options, &of->error);
    if (status == VBLIP_OK)
        status = read_one_by_one(p, of, video, &of->error);
    if (item)
        p->source->close(&video);
}

// The failure of the first frame that failed.
static vblip_status first_failure(const parted *p, vblip_error *err)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->parts[i].error.status != VBLIP_OK)
            return vb_fail(err, p->parts[i].error.status, "%s",
                           p->parts[i].error.message);
    return VBLIP_OK;
}

vblip_status vb_read_parts(const vb_frames *source, vb_video *video, const char *path,
                           const vb_decode_options *options, const uint64_t *indices,
                           uint32_t count, uint8_t *pixels, vb_frame *frames,
                           vb_halt *halt, vblip_error *err)
{
    parted p = {
        .source = source,
        .video = video,
        .path = path,
        .options = *options,
        .indices = indices,
        .pixels = pixels,
        .frames = frames,
        .count = 1,
        .parts = {{.count = count}},
    };
    const uint32_t most = options->threads < MOST_PARTS ? options->threads : MOST_PARTS;
    if (most > 1 && !options->hwaccel && source->decoded_for)
        divide(&p, count, most);
    if (p.count == 1)
        return read_one_by_one(&p, &p.parts[0], video, err);
    p.options.threads = options->threads / p.count;
    p.options.keep_bytes = 0; // the first one reads all of the file
    vb_pipeline *reading = NULL;
    VB_TRY(source->use_threads(video, p.options.threads, err));
    VB_TRY(vb_pipeline_open(&reading, p.count, p.count, produce_part, &p, halt, err));
    for (uint32_t slot; vb_pipeline_next(reading, &slot);)
        ;
    vb_pipeline_close(&reading);
    return first_failure(&p, err);
}
