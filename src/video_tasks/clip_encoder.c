#include "video_tasks/clip_encoder.h"

#include "video_tasks/encoded.h"
#include "video_tasks/job.h"

#include <stdlib.h>

enum { MOST_CLIPS = 64 }; // of a batch, those that could not be read included

// A clip of a batch.
typedef struct encoder_item {
    const vb_clip *clip;
    vb_clip kept;         // what `clip` points to once the next one was read
    vb_encoding encoding; // its visual is owned
    float *itc;
} encoder_item;

struct vb_clip_encoder {
    const vb_task *task;
    const vblip_job *job;
    vb_clips *clips;
    encoder_item items[MOST_CLIPS];
    float *itc;           // [MOST_CLIPS, projection], of the items; NULL
    uint32_t count, next; // items; next - 1 is the clip in hand
    bool tried, encoded;  // the batch at once
    const vb_clip *ahead; // the first of the next batch, where it was read already
};

vblip_status vb_clip_encoder_open(vb_clip_encoder **out, const vb_task *task,
                                  const vblip_job *job, const vb_clips_plan *plan,
                                  bool itc, vblip_error *err)
{
    const size_t width = task->ops->projection;
    vb_clip_encoder *e = *out = calloc(1, sizeof *e);
    if (!e)
        return vb_fail_memory(err, "clips");
    e->task = task;
    e->job = job;
    vblip_status status = VBLIP_OK;
    if (itc && !(e->itc = calloc(MOST_CLIPS * width, sizeof *e->itc)))
        status = vb_fail_memory(err, "ITC vectors");
    for (size_t i = 0; e->itc && i < MOST_CLIPS; i++)
        e->items[i].encoding.itc = e->items[i].itc = e->itc + i * width;
    if (status == VBLIP_OK)
        status = vb_clips_open(&e->clips, task, job, plan, err);
    if (status != VBLIP_OK)
        vb_clip_encoder_close(out);
    return status;
}

void vb_clip_encoder_close(vb_clip_encoder **encoder)
{
    vb_clip_encoder *e = *encoder;
    if (!e)
        return;
    vb_clips_close(&e->clips);
    for (uint32_t i = 0; i < MOST_CLIPS; i++) {
        e->task->ops->visual_free(&e->items[i].encoding.visual);
        vb_clip_free(&e->items[i].kept);
    }
    free(e->itc);
    free(e);
    *encoder = NULL;
}

static bool could_be_read(const encoder_item *item)
{
    return item->clip->error.status == VBLIP_OK;
}

// --------------------------------------------------------------------------- a batch

// The next clip; the one before it is kept.
static const vb_clip *read_on(vb_clip_encoder *e)
{
    encoder_item *last = e->count ? &e->items[e->count - 1] : NULL;
    if (last) {
        vb_clips_keep(e->clips, &last->kept);
        last->clip = &last->kept;
    }
    return vb_clips_next(e->clips);
}

// Reads clips until their frames are as many as are encoded at once, or the next one would
// make them more. Which those are does not hang on how fast they are read.
static void collect_clips(vb_clip_encoder *e)
{
    const vb_model_ops *ops = e->task->ops;
    const uint32_t filling = ops->filling_frames(ops->model, e->job->batch);
    const uint32_t most = filling < MOST_CLIPS ? filling : MOST_CLIPS;
    uint32_t frames = 0;
    e->count = e->next = 0;
    e->tried = e->encoded = false;
    while (e->count < most && frames < filling) {
        const vb_clip *clip = e->ahead ? e->ahead : read_on(e);
        e->ahead = clip;
        if (!clip || (e->count && clip->count > filling - frames))
            return;
        frames += clip->count;
        e->items[e->count++].clip = clip;
        e->ahead = NULL;
    }
}

static vblip_status make_visual(vb_clip_encoder *e, encoder_item *item,
                                vblip_error *err)
{
    const vb_model_ops *ops = e->task->ops;
    return item->encoding.visual
               ? VBLIP_OK
               : ops->visual_make(&item->encoding.visual, ops->model, err);
}

// Encodes all clips that could be read, where they are several.
static vblip_status encode_batch(vb_clip_encoder *e, vblip_error *err)
{
    const vb_model_ops *ops = e->task->ops;
    vb_clip_frames clips[MOST_CLIPS];
    uint32_t count = 0, frames = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        encoder_item *item = &e->items[i];
        const vb_clip *clip = item->clip;
        if (!could_be_read(item))
            continue;
        VB_TRY(make_visual(e, item, err));
        clips[count++] = (vb_clip_frames){item->encoding.visual, clip->frames,
                                          clip->count, item->itc};
        frames += clip->count;
    }
    VB_TRY(ops->encode_together(ops->model, clips, count, e->job->batch, err));
    if (e->task->counters)
        e->task->counters->frames_encoded += frames;
    return VBLIP_OK;
}

static bool are_several(const vb_clip_encoder *e)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->count; i++)
        count += could_be_read(&e->items[i]);
    return count > 1;
}

// A batch that cannot be encoded is done clip by clip: those before the one which is at fault
// are as they are without it, and one needs less memory. It has all that there is for it.
static vblip_status try_batch(vb_clip_encoder *e, vblip_error *err)
{
    vblip_error why = {0};
    e->tried = true;
    e->encoded = are_several(e) && encode_batch(e, &why) == VBLIP_OK;
    if (why.status == VBLIP_ERR_CANCELLED)
        return vb_fail_cancelled(err);
    for (uint32_t i = 0; i < e->count && why.status != VBLIP_OK; i++)
        e->task->ops->visual_free(&e->items[i].encoding.visual);
    return VBLIP_OK;
}

// ------------------------------------------------------------------------ clip by clip

// Into the visual of the one before, which is not needed any more.
static vblip_status encode_item(vb_clip_encoder *e, encoder_item *item,
                                vblip_error *err)
{
    if (item > e->items && !item->encoding.visual) {
        item->encoding.visual = item[-1].encoding.visual;
        item[-1].encoding.visual = NULL;
    }
    VB_TRY(make_visual(e, item, err));
    return vb_clip_encode(item->clip, e->task, item->encoding.visual, e->job->batch,
                          item->itc, err);
}

const vb_clip *vb_clip_encoder_next(vb_clip_encoder *e)
{
    if (e->next == e->count)
        collect_clips(e);
    return e->count ? e->items[e->next++].clip : NULL;
}

vblip_status vb_clip_encoder_encode(vb_encoding **out, vb_clip_encoder *encoder,
                                    vblip_error *err)
{
    encoder_item *item = &encoder->items[encoder->next - 1];
    if (!encoder->tried)
        VB_TRY(try_batch(encoder, err));
    if (!encoder->encoded)
        VB_TRY(encode_item(encoder, item, err));
    *out = &item->encoding;
    return VBLIP_OK;
}
