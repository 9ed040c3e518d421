#include "support/fakes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ----------------------------------------------------------------------------- clips

struct vb_video {
    fake_clip *clip;
    uint8_t id;
    vb_video_info info;
};

static vblip_status open_clip(void *user, vb_video **out, const char *path,
                              const vb_decode_options *options, vblip_error *err)
{
    fake_world *world = user;
    *out = NULL;
    if (options->side != FAKE_SIDE || options->threads == 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: options", path);
    uint32_t id = 0;
    while (id < world->clip_count && strcmp(world->clips[id].path, path) != 0)
        id++;
    if (id == world->clip_count)
        return vb_fail(err, VBLIP_ERR_IO, "%s: No such file or directory", path);
    fake_clip *clip = &world->clips[id];
    clip->opened++;
    clip->as_stored = options->ignore_orientation;
    if (clip->error || (clip->fail_from && clip->opened >= clip->fail_from))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %s", path,
                       clip->error ? clip->error : "gone");
    *out = calloc(1, sizeof **out);
    if (!*out)
        return vb_fail_memory(err, path);
    **out = (vb_video){.clip = clip, .id = (uint8_t)id};
    (*out)->info = (vb_video_info){
        .still = clip->still,
        .frames = clip->frames,
        .readable = clip->cut ? clip->cut : clip->frames,
        .lost = clip->lost,
        .unread_bytes = clip->unread_bytes,
        .duration_us = clip->still ? 0 : (int64_t)clip->frames * clip->frame_us,
        .width = 64,
        .height = 48,
    };
    if (clip->warning)
        snprintf((*out)->info.warning, sizeof(*out)->info.warning, "%s", clip->warning);
    return VBLIP_OK;
}

static void close_clip(vb_video **video)
{
    free(*video);
    *video = NULL;
}

static const vb_video_info *describe(const vb_video *video)
{
    return &video->info;
}

static int64_t time_of(const vb_video *video, uint64_t index)
{
    return video->clip->still ? 0 : (int64_t)index * video->clip->frame_us;
}

static uint64_t index_at(const vb_video *video, int64_t time_us)
{
    uint64_t index = (uint64_t)(time_us / video->clip->frame_us);
    return index < video->info.frames ? index : video->info.frames - 1;
}

static vblip_status read_frame(vb_video *video, uint64_t index, uint8_t *rgb,
                               vb_frame *out, vblip_error *err)
{
    *out = (vb_frame){0};
    const fake_clip *clip = video->clip;
    if (clip->truncated && index >= clip->truncated)
        return vb_fail(err, VBLIP_ERR_IO, "%s: truncated: %u of %u frames decode",
                       clip->path, (unsigned)clip->truncated, (unsigned)clip->frames);
    if (index >= clip->damaged_from && index < clip->damaged_to)
        return vb_fail(err, VBLIP_ERR_IO, "%s: damaged: %u of %u frames decode",
                       clip->path,
                       (unsigned)(clip->frames - clip->damaged_to + clip->damaged_from),
                       (unsigned)clip->frames);
    if (index >= clip->frames)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: frame %u", clip->path,
                       (unsigned)index);
    video->clip->read++;
    const uint8_t pixel[] = {video->id, (uint8_t)(index & 255), (uint8_t)(index >> 8)};
    const bool plain = index >= clip->plain_from && index < clip->plain_to;
    for (uint32_t i = 0; i < FAKE_SIDE * FAKE_SIDE; i++)
        for (uint32_t c = 0; c < 3; c++)
            rgb[3 * i + c] = i >= FAKE_SIDE && !plain ? pixel[c] ^ 255 : pixel[c];
    *out = (vb_frame){.rgb = rgb,
                      .side = FAKE_SIDE,
                      .time_us = time_of(video, index),
                      .index = index};
    return VBLIP_OK;
}

static uint64_t next_key(const vb_video *video, uint64_t index)
{
    return index < video->info.frames ? index : video->info.frames;
}

static bool has_large(const vb_video *video, uint64_t from, uint64_t end)
{
    (void)video, (void)from, (void)end;
    return false;
}

// Stripes whose place and width the number of the shot gives.
static vblip_status read_small(vb_video *video, uint64_t index, bool alone,
                               uint32_t side, uint8_t *rgb, vblip_error *err)
{
    uint8_t seen[FAKE_SIDE * FAKE_SIDE * 3];
    vb_frame frame;
    (void)alone;
    VB_TRY(read_frame(video, index, seen, &frame, err));
    const uint32_t length = video->clip->shot;
    const uint32_t shot = length ? (uint32_t)index / length : 0;
    for (uint32_t y = 0; y < side; y++)
        memset(rgb + (size_t)y * side * 3,
               40 + (int)((shot * 89 + y / (2 + shot % 5) * 61) % 170), side * 3);
    return VBLIP_OK;
}

// ----------------------------------------------------------------------------- model

static fake_model *fake_of(vb_model *model)
{
    return (fake_model *)(void *)model;
}

struct vb_visual {
    fake_model *model;
    uint32_t clip;
    uint64_t frame; // the first seen
    uint64_t frames[FAKE_MAX_FRAMES];
    uint64_t bytes;
};

static vblip_status visual_make(vb_visual **out, vb_model *user, vblip_error *err)
{
    fake_model *model = fake_of(user);
    *out = calloc(1, sizeof **out);
    if (!*out)
        return vb_fail_memory(err, "visual");
    (*out)->model = model;
    if (++model->live > model->most_live)
        model->most_live = model->live;
    model->made++;
    return VBLIP_OK;
}

static void visual_free(vb_visual **visual)
{
    if (*visual)
        (*visual)->model->live--;
    free(*visual);
    *visual = NULL;
}

static uint64_t visual_bytes(const vb_visual *visual)
{
    return visual->bytes;
}

static vblip_status encode(vb_model *user, vb_visual *visual, const vb_frame *frames,
                           uint32_t count, uint32_t batch, float *itc, vblip_error *err)
{
    (void)batch;
    fake_model *model = fake_of(user);
    if (++model->encode_calls == model->fail_encode)
        return vb_fail(err, VBLIP_ERR_DEVICE, "fake: device lost");
    if (frames[0].rgb[0] + 1u == model->fail_clip)
        return vb_fail(err, VBLIP_ERR_DEVICE, "fake: not finite");
    for (uint32_t i = 0; i < count; i++) { // all of one clip, as told
        if ((frames[i].rgb[0] != frames[0].rgb[0] && !model->may_mix) ||
            frames[i].rgb[1] + 256u * frames[i].rgb[2] != frames[i].index)
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "fake: frames mixed up");
        if (i < FAKE_MAX_FRAMES)
            visual->frames[i] = frames[i].index;
    }
    visual->clip = frames[0].rgb[0];
    visual->frame = frames[0].index;
    if (visual->bytes < model->visual_bytes)
        visual->bytes = model->visual_bytes;
    model->encoded[visual->clip]++;
    model->frames = count;
    for (uint32_t q = 0; itc && q < FAKE_MAX_QUERIES; q++)
        itc[q] = model->itc[q][visual->clip];
    return VBLIP_OK;
}

// One call of encode, whatever the clips: what it counts, and which one fails.
static vblip_status encode_together(vb_model *user, const vb_clip_frames *clips,
                                    uint32_t count, uint32_t batch, vblip_error *err)
{
    fake_model *model = fake_of(user);
    const uint32_t calls = model->encode_calls;
    uint32_t frames = 0;
    for (uint32_t i = 0; i < count; i++)
        frames += clips[i].count;
    if (frames > model->most_frames)
        return vb_fail_memory(err, "fake");
    if (frames > model->most_together)
        model->most_together = frames;
    for (uint32_t i = 0; i < count; i++) {
        model->encode_calls = calls;
        VB_TRY(encode(user, clips[i].visual, clips[i].frames, clips[i].count, batch,
                      clips[i].itc, err));
    }
    model->together += count;
    return VBLIP_OK;
}

static uint32_t filling_frames(const vb_model *user, uint32_t batch)
{
    const fake_model *model = (const fake_model *)(const void *)user;
    return batch ? batch : model->filling;
}

static vblip_status frames_itc(vb_model *user, const vb_visual *visual, float *itc,
                               vblip_error *err)
{
    const fake_model *model = fake_of(user);
    (void)err;
    memset(itc, 0, (size_t)model->frames * FAKE_MAX_QUERIES * sizeof *itc);
    for (uint32_t i = 0; i < model->frames; i++) {
        const double radians =
            (double)model->degrees[visual->frames[i]] * 3.14159265358979 / 180.0;
        itc[(size_t)i * FAKE_MAX_QUERIES] = (float)cos(radians);
        itc[(size_t)i * FAKE_MAX_QUERIES + 1] = (float)sin(radians);
    }
    return VBLIP_OK;
}

// Query q is the q-th axis, so its cosine with a clip is what the table says.
static vblip_status text_itc(vb_model *user, const char *const *texts, uint32_t count,
                             float *itc, vblip_error *err)
{
    fake_of(user)->text_calls += count;
    memset(itc, 0, (size_t)count * FAKE_MAX_QUERIES * sizeof *itc);
    for (uint32_t i = 0; i < count; i++) {
        unsigned long q = strtoul(texts[i], NULL, 10);
        if (q >= FAKE_MAX_QUERIES)
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "fake: text %s", texts[i]);
        itc[i * FAKE_MAX_QUERIES + q] = 1.0f;
    }
    return VBLIP_OK;
}

static vblip_status itm(vb_model *user, vb_visual *visual, const char *const *texts,
                        uint32_t count, bool cls_first, float (*logits)[2],
                        vblip_error *err)
{
    (void)err;
    fake_model *model = fake_of(user);
    model->itm_calls[visual->clip]++;
    model->itm_texts += count;
    visual->bytes = model->visual_bytes + model->itm_bytes;
    for (uint32_t i = 0; i < count; i++) {
        float logit = model->logit[strtoul(texts[i], NULL, 10)][visual->clip];
        logits[i][0] = -logit;
        logits[i][1] = cls_first ? logit + 100.0f : logit;
    }
    return VBLIP_OK;
}

static vblip_status reply_with(vb_generated *out, const char *text, float score,
                               vblip_error *err)
{
    vb_string_clear(&out->text);
    if (!vb_string_append(&out->text, text, strlen(text)))
        return vb_fail_memory(err, "fake");
    out->score = score;
    return VBLIP_OK;
}

static vblip_status caption(vb_model *user, vb_visual *visual,
                            const vb_caption_params *params, vb_generated *out,
                            vblip_error *err)
{
    fake_model *model = fake_of(user);
    char text[48];
    snprintf(text, sizeof text, "frame %u", (unsigned)visual->frame);
    if (params->sample) // what it would draw with
        snprintf(text + strlen(text), sizeof text - strlen(text), " %016llx",
                 (unsigned long long)params->random);
    return reply_with(
        out, model->captions ? model->captions[visual->frame] : text,
        model->scores ? model->scores[visual->frame] : -(float)visual->frame, err);
}

static vblip_status captions(vb_model *user, vb_visual *visual,
                             const vb_caption_params *params, const uint64_t *random,
                             vb_generated *out, uint32_t count, uint32_t each,
                             vblip_error *err)
{
    vb_caption_params one = *params;
    const uint32_t size = fake_of(user)->frames / count; // of a clip
    for (uint32_t i = 0; i < count * each; i++) {
        visual->frame = visual->frames[i / each * size];
        one.random = random ? random[i] : 0;
        VB_TRY(caption(user, visual, &one, &out[i], err));
    }
    return VBLIP_OK;
}

// A length that is asked for is told.
static vblip_status answer(vb_model *user, vb_visual *visual, const char *question,
                           const vb_answer_params *params, vb_generated *out,
                           vblip_error *err)
{
    (void)user;
    char text[64], length[32] = "";
    if (params && params->max_length)
        snprintf(length, sizeof length, ", %u by %u", (unsigned)params->max_length,
                 (unsigned)params->beams);
    snprintf(text, sizeof text, "%s of clip %u%s", question, (unsigned)visual->clip,
             length);
    return reply_with(out, text, -1.0f, err);
}

// The last answers are the best.
static vblip_status rank(vb_model *user, vb_visual *visual, const char *question,
                         const char *const *answers, uint32_t count, uint32_t k_test,
                         uint32_t *order, float *scores, uint32_t *kept,
                         vblip_error *err)
{
    (void)user;
    (void)visual;
    (void)question;
    (void)answers;
    (void)err;
    *kept = count < k_test ? count : k_test;
    for (uint32_t i = 0; i < *kept; i++) {
        order[i] = count - 1 - i;
        scores[i] = 10.0f - (float)i;
    }
    return VBLIP_OK;
}

// {left clip, right clip + statement}.
static vblip_status reason(vb_model *user, vb_visual *left, vb_visual *right,
                           const char *const *statements, uint32_t count,
                           float (*logits)[2], vblip_error *err)
{
    (void)user;
    (void)err;
    for (uint32_t i = 0; i < count; i++) {
        logits[i][0] = (float)left->clip;
        logits[i][1] = (float)right->clip + (float)strtoul(statements[i], NULL, 10);
    }
    return VBLIP_OK;
}

// One row of `cols` values.
static vblip_status row_of(vb_features *out, uint32_t cols, float value,
                           vblip_error *err)
{
    float *values = realloc(out->values, cols * sizeof *values);
    if (!values)
        return vb_fail_memory(err, "fake");
    for (uint32_t i = 0; i < cols; i++)
        values[i] = value;
    *out = (vb_features){.values = values, .rows = 1, .cols = cols, .capacity = cols};
    return VBLIP_OK;
}

// Of a clip: {clip, clip}.
static vblip_status visual_features(vb_model *user, const vb_visual *visual,
                                    vb_features *out, vblip_error *err)
{
    (void)user;
    return row_of(out, 2, (float)visual->clip, err);
}

// Of a text: itself three times, plus 100 times the clip beside it.
static vblip_status text_features(vb_model *user, vb_visual *visual, const char *text,
                                  vb_features *out, vblip_error *err)
{
    (void)user;
    const float clip = visual ? 100.0f * (float)visual->clip : 0.0f;
    return row_of(out, 3, strtof(text, NULL) + clip, err);
}

// A candidate is as good as the number it is, on the clip that the question names.
static vblip_status dialog(vb_model *user, vb_visual *visual, const vb_dialog *said,
                           float (*logits)[2], vblip_error *err)
{
    (void)user;
    (void)err;
    const bool right = strtoul(said->question, NULL, 10) == visual->clip;
    for (uint32_t i = 0; i < said->candidate_count; i++) {
        logits[i][0] = -1.0f;
        logits[i][1] = right ? strtof(said->candidates[i], NULL) : 0.0f;
    }
    return VBLIP_OK;
}

// ----------------------------------------------------------------------------- world

void fake_world_make(fake_world *world, uint32_t clips, uint64_t frames)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                        "i", "j", "k", "l", "m", "n", "o", "p"};
    *world = (fake_world){.clip_count = clips};
    for (uint32_t i = 0; i < clips; i++)
        world->clips[i] =
            (fake_clip){.path = names[i], .frames = frames, .frame_us = 40000};
    world->model.visual_bytes = 100;
    world->model.filling = 1;
    world->model.most_frames = UINT32_MAX;
}

vb_task fake_task(fake_world *world, bool threads)
{
    world->frames = (vb_frames){
        .open = open_clip,
        .close = close_clip,
        .describe = describe,
        .time = time_of,
        .index_at = index_at,
        .read = read_frame,
        .next_key = next_key,
        .has_large = has_large,
        .read_small = read_small,
        .user = world,
    };
    world->ops = (vb_model_ops){
        .model = (vb_model *)(void *)&world->model,
        .side = FAKE_SIDE,
        .projection = FAKE_MAX_QUERIES,
        .shares_cores = !threads,
        .cache_bytes = 1000000,
        .visual_make = visual_make,
        .visual_free = visual_free,
        .visual_bytes = visual_bytes,
        .encode = encode,
        .encode_together = encode_together,
        .filling_frames = filling_frames,
        .frames_itc = frames_itc,
        .text_itc = text_itc,
        .itm = itm,
        .caption = caption,
        .captions = captions,
        .answer = answer,
        .rank = rank,
        .reason = reason,
        .visual_features = visual_features,
        .text_features = text_features,
        .dialog = dialog,
    };
    for (uint32_t i = 0; i < world->clip_count; i++)
        world->inputs[i] = (vblip_input){.path = world->clips[i].path};
    return (vb_task){
        .ops = &world->ops,
        .frames = &world->frames,
        .inputs = world->inputs,
        .input_count = world->clip_count,
    };
}

void fake_add_failure(char *text, size_t size, const vblip_failure *failure)
{
    const size_t at = strlen(text);
    snprintf(text + at, size - at, "%s|%s;", failure->path, failure->message);
}
