#include "video_tasks/caption_batch.h"

#include "base/random.h"
#include "base/text.h"
#include "video_tasks/encoded.h"
#include "video_tasks/ranking.h"

#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 8,     // captions: of more a decoder gains little
    MOST_ITEMS = 256 // that wait
};

// What came in, in its order.
typedef enum item_kind { ITEM_FRAME, ITEM_BREAK, ITEM_END } item_kind;

typedef struct batch_item {
    item_kind kind;
    vb_captioned about;
    uint32_t frame;     // index
    vblip_error failed; // of an end
} batch_item;

// A row that waits for its neighbour, with merge.
typedef struct pending_row {
    bool there;
    vb_captioned about;
    vb_string text;
    float likelihood; // score of the text
    float *itc;       // [projection], of the picture that the next one is compared with
    double score_sum;
    uint32_t count; // captions in it
} pending_row;

struct vb_caption_batch {
    const vb_task *task;
    const vblip_caption_options *options;
    vb_caption_params params;
    vblip_caption_fn fn;
    void *user;
    vb_meter *meter;
    uint32_t samples; // captions of each frame

    vb_visual *visual;
    uint32_t most; // frames
    uint8_t *rgb;  // [most, side, side, 3]
    vb_frame *frames;
    uint64_t *random;      // [AT_ONCE]
    vb_generated *written; // [AT_ONCE], of one call
    vb_generated *replies; // [most, samples]
    float *itc;            // [most, projection]; NULL where pictures are not compared
    uint32_t frame_count;
    batch_item *items;
    uint32_t item_count;
    pending_row row;
};

// -------------------------------------------------------------------------------- rows

// Reports the row that waits. A merged row's score is the mean of its captions'.
static vblip_status flush_row(vb_caption_batch *b, vblip_error *err)
{
    pending_row *row = &b->row;
    if (!row->there)
        return VBLIP_OK;
    row->there = false;
    const vblip_caption caption = {
        .input = row->about.input,
        .path = row->about.path,
        .timed = row->about.timed,
        .start_us = row->about.span.start_us,
        .end_us = row->about.span.end_us,
        .text = row->text.bytes,
        .score = (float)(row->score_sum / row->count),
        .lead_us = row->about.lead_us,
    };
    return b->fn(b->user, &caption) ? vb_fail_cancelled(err) : VBLIP_OK;
}

static vblip_status set_text(pending_row *row, const char *text, float score,
                             vblip_error *err)
{
    vb_string_clear(&row->text);
    row->likelihood = score;
    return vb_string_append(&row->text, text, strlen(text))
               ? VBLIP_OK
               : vb_fail_memory(err, row->about.path);
}

static vblip_status begin_row(pending_row *row, const vb_captioned *about,
                              const char *text, float score, vblip_error *err)
{
    row->about = *about;
    VB_TRY(set_text(row, text, score, err));
    row->score_sum = 0.0;
    row->count = 0;
    row->there = true;
    return VBLIP_OK;
}

// Adds a caption to the row that waits, or begins the next one. Of one picture the likeliest
// text stands; the picture is that of the first frame, or of the last one with the same text:
// what drifts away from what was described is another.
static vblip_status add_caption(vb_caption_batch *b, const vb_captioned *about,
                                const vb_generated *reply, const float *itc,
                                vblip_error *err)
{
    const char *text = reply->text.bytes ? reply->text.bytes : "";
    const uint32_t width = b->task->ops->projection;
    pending_row *row = &b->row;
    const bool neighbours = b->options->merge && row->there;
    const bool same_text = neighbours && strcmp(row->text.bytes, text) == 0;
    const bool same_picture =
        neighbours && itc && vb_dot(row->itc, itc, width) >= b->options->same_picture;
    if (!same_text && !same_picture) {
        VB_TRY(flush_row(b, err));
        VB_TRY(begin_row(row, about, text, reply->score, err));
    } else if (!same_text && reply->score > row->likelihood) {
        VB_TRY(set_text(row, text, reply->score, err));
    }
    if (itc && (same_text || !same_picture))
        memcpy(row->itc, itc, width * sizeof *itc);
    row->about.span.end_us = about->span.end_us;
    row->score_sum += (double)reply->score;
    row->count++;
    return b->options->merge ? VBLIP_OK : flush_row(b, err);
}

static vblip_status report_frame(vb_caption_batch *b, const batch_item *item,
                                 vblip_error *err)
{
    const float *itc =
        b->itc ? b->itc + (size_t)item->frame * b->task->ops->projection : NULL;
    for (uint32_t i = 0; i < b->samples; i++)
        VB_TRY(add_caption(b, &item->about,
                           &b->replies[(size_t)item->frame * b->samples + i], itc,
                           err));
    return vb_meter_add(b->meter, item->about.path, b->samples, err);
}

static vblip_status report_item(vb_caption_batch *b, const batch_item *item,
                                vblip_error *err)
{
    if (item->kind == ITEM_FRAME)
        return report_frame(b, item, err);
    VB_TRY(flush_row(b, err));
    if (item->kind == ITEM_BREAK || item->failed.status == VBLIP_OK)
        return VBLIP_OK;
    return vb_job_failed(vb_job(b->options->job), item->about.input, item->about.path,
                         &item->failed, err);
}

// -------------------------------------------------------------------------------- model

// The samples first .. first + each - 1 of all frames; each draws from a stream of its own.
static vblip_status write_samples(vb_caption_batch *b, uint32_t first, uint32_t each,
                                  vblip_error *err)
{
    const vb_model_ops *ops = b->task->ops;
    const uint32_t count = b->frame_count * each;
    for (uint32_t i = 0; i < count; i++)
        b->random[i] = vb_random_stream(b->options->seed, b->frames[i / each].index,
                                        first + i % each);
    VB_TRY(ops->captions(ops->model, b->visual, &b->params, b->random, b->written,
                         b->frame_count, each, err));
    for (uint32_t i = 0; i < count; i++) {
        vb_generated *reply =
            &b->replies[(size_t)(i / each) * b->samples + first + i % each];
        vb_generated_free(reply);
        *reply = b->written[i];
        b->written[i] = (vb_generated){0};
    }
    return VBLIP_OK;
}

static vblip_status write_replies(vb_caption_batch *b, vblip_error *err)
{
    const uint32_t most = AT_ONCE / b->frame_count;
    for (uint32_t i = 0, each; i < b->samples; i += each) {
        each = b->samples - i < most ? b->samples - i : most;
        VB_TRY(write_samples(b, i, each, err));
    }
    return VBLIP_OK;
}

static vblip_status caption_frames(vb_caption_batch *b, vblip_error *err)
{
    if (b->frame_count == 0)
        return VBLIP_OK;
    VB_TRY(vb_encode_frames(b->task, b->visual, b->frames, b->frame_count,
                            vb_job(b->options->job)->batch, NULL, err));
    if (b->itc)
        VB_TRY(b->task->ops->frames_itc(b->task->ops->model, b->visual, b->itc, err));
    return write_replies(b, err);
}

vblip_status vb_caption_batch_flush(vb_caption_batch *b, vblip_error *err)
{
    VB_TRY(caption_frames(b, err));
    const uint32_t count = b->item_count;
    b->item_count = b->frame_count = 0;
    for (uint32_t i = 0; i < count; i++)
        VB_TRY(report_item(b, &b->items[i], err));
    return VBLIP_OK;
}

vblip_status vb_caption_batch_finish(vb_caption_batch *b, vblip_error *err)
{
    return flush_row(b, err);
}

// ----------------------------------------------------------------------------- coming in

static vblip_status put_item(vb_caption_batch *b, const batch_item *item,
                             vblip_error *err)
{
    b->items[b->item_count++] = *item;
    if (b->frame_count == b->most || b->frame_count == 0 || b->item_count == MOST_ITEMS)
        return vb_caption_batch_flush(b, err);
    return VBLIP_OK;
}

vblip_status vb_caption_batch_add(vb_caption_batch *b, const vb_captioned *about,
                                  const vb_frame *frame, bool again, vblip_error *err)
{
    const size_t bytes = (size_t)frame->side * frame->side * 3;
    if (!again || b->frame_count == 0) {
        vb_frame *copy = &b->frames[b->frame_count];
        *copy = *frame;
        copy->rgb = b->rgb + bytes * b->frame_count++;
        memcpy(copy->rgb, frame->rgb, bytes);
    }
    return put_item(
        b,
        &(batch_item){.kind = ITEM_FRAME, .about = *about, .frame = b->frame_count - 1},
        err);
}

vblip_status vb_caption_batch_break(vb_caption_batch *b, vblip_error *err)
{
    return put_item(b, &(batch_item){.kind = ITEM_BREAK}, err);
}

vblip_status vb_caption_batch_end(vb_caption_batch *b, uint32_t input, const char *path,
                                  const vblip_error *failed, vblip_error *err)
{
    if (failed->status == VBLIP_ERR_CANCELLED) // the job, not the input
        return vb_fail_cancelled(err);
    return put_item(b,
                    &(batch_item){.kind = ITEM_END,
                                  .about = {.input = input, .path = path},
                                  .failed = *failed},
                    err);
}

// --------------------------------------------------------------------------------- made

vblip_status vb_caption_batch_open(vb_caption_batch **out, const vb_task *task,
                                   const vblip_caption_options *options,
                                   vblip_caption_fn fn, void *user, vb_meter *meter,
                                   vblip_error *err)
{
    const uint32_t batch = vb_job(options->job)->batch;
    const size_t frame = (size_t)task->ops->side * task->ops->side * 3;
    vb_caption_batch *b = *out = calloc(1, sizeof *b);
    if (!b)
        return vb_fail_memory(err, "captions");
    *b = (vb_caption_batch){
        .task = task,
        .options = options,
        .params = vb_caption_params_of(options),
        .fn = fn,
        .user = user,
        .meter = meter,
        .samples = options->samples ? options->samples : 1,
        .most = batch && batch < AT_ONCE ? batch : AT_ONCE,
    };
    b->rgb = malloc(frame * b->most);
    b->frames = calloc(b->most, sizeof *b->frames);
    b->random = calloc(AT_ONCE, sizeof *b->random);
    b->written = calloc(AT_ONCE, sizeof *b->written);
    b->replies = calloc((size_t)b->samples * b->most, sizeof *b->replies);
    b->items = calloc(MOST_ITEMS, sizeof *b->items);
    const bool compares = options->merge && options->same_picture > 0.0f;
    if (compares) {
        b->itc = calloc((size_t)b->most * task->ops->projection, sizeof *b->itc);
        b->row.itc = calloc(task->ops->projection, sizeof *b->row.itc);
    }
    vblip_status status = task->ops->visual_make(&b->visual, task->ops->model, err);
    if (status == VBLIP_OK &&
        !(b->rgb && b->frames && b->random && b->written && b->replies && b->items &&
          (!compares || (b->itc && b->row.itc))))
        status = vb_fail_memory(err, "captions");
    if (status != VBLIP_OK)
        vb_caption_batch_close(out);
    return status;
}

void vb_caption_batch_close(vb_caption_batch **batch)
{
    vb_caption_batch *b = *batch;
    if (!b)
        return;
    for (uint32_t i = 0; b->written && i < AT_ONCE; i++)
        vb_generated_free(&b->written[i]);
    for (size_t i = 0; b->replies && i < (size_t)b->samples * b->most; i++)
        vb_generated_free(&b->replies[i]);
    b->task->ops->visual_free(&b->visual);
    vb_string_free(&b->row.text);
    free(b->row.itc);
    free(b->itc);
    free(b->rgb);
    free(b->frames);
    free(b->random);
    free(b->written);
    free(b->replies);
    free(b->items);
    free(b);
    *batch = NULL;
}
