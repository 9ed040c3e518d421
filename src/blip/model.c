// model.c - loading, seeing, and what the other files that implement model.h share.
#include "blip/model_internal.h"

#include "blip/heads.h"
#include "blip/vision.h"
#include "checkpoint/layout.h"

#include <stdlib.h>
#include <string.h>

// Frames are encoded together up to this much memory for one intermediate value, or less
// where a device says that more would leave its caches.
static const uint64_t vision_bytes = 64u << 20;

// ------------------------------------------------------------------------------- load

// [DEC] and [ENC], which begin texts in the original code, are the rows behind the words.
static vblip_status check_first(const vb_model *m, const vb_checkpoint *checkpoint,
                                uint32_t index, int32_t id, vblip_error *err)
{
    const vb_vocabulary *about = vb_checkpoint_vocabulary(checkpoint);
    const uint32_t row = vb_vocab_words(m->vocab) + index;
    const char *name = index ? "[ENC]" : "[DEC]";
    if (id >= 0)
        return VBLIP_OK;
    if (row >= vb_vocab_size(m->vocab))
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: no %s; --compat hf needs none",
                       about->path, name);
    return vb_fail(
        err, VBLIP_ERR_UNSUPPORTED,
        "%s: row %u is \"%.64s\", not %s; --compat hf runs it as the library "
        "does",
        about->added_path ? about->added_path : about->path, row,
        vb_vocab_token(m->vocab, (int32_t)row), name);
}

// The library knows neither [DEC] nor [ENC]: what is generated begins with the row that
// config.json says, other texts with [CLS].
static vblip_status settle_special(vb_model *m, const vb_checkpoint *checkpoint,
                                   vblip_error *err)
{
    const int32_t bos = vb_checkpoint_bos(checkpoint);
    const bool named = vb_checkpoint_vocabulary(checkpoint)->added_count > 0;
    m->special = vb_vocab_special(m->vocab);
    if (!m->compat->enc_first && named && bos >= 0 &&
        (uint32_t)bos < vb_vocab_size(m->vocab))
        m->special.dec = bos;
    if (!m->compat->enc_first && m->special.enc < 0)
        m->special.enc = m->special.cls;
    VB_TRY(vb_checkpoint_check_vocabulary(checkpoint, vb_vocab_size(m->vocab),
                                          m->special.dec, m->special.sep, err));
    VB_TRY(check_first(m, checkpoint, 0, m->special.dec, err));
    return check_first(m, checkpoint, 1, m->special.enc, err);
}

static vblip_status load_vocabulary(vb_model *m, const vb_checkpoint *checkpoint,
                                    vblip_error *err)
{
    VB_TRY(vb_vocab_make(&m->vocab, vb_checkpoint_vocabulary(checkpoint), err));
    return settle_special(m, checkpoint, err);
}

// The library adds to the patches of an image the first of the positions, which are in
// the places of others where there are fewer patches, and fails where there are more.
static vblip_status load_weights(vb_model *m, const vb_checkpoint *checkpoint,
                                 vblip_error *err)
{
    const vb_vision_config *v = &m->config.vision;
    const bool first = m->compat->first_positions && !v->size_asked;
    const vb_weight *stored =
        vb_checkpoint_find(checkpoint, "vision_model.embeddings.position_embedding");
    const uint32_t rows = (uint32_t)stored->shape[1];
    if (first && vb_vision_tokens(v) > rows)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: images of %u pixels, but positions for %u, where the "
                       "library fails: --image-size %u stretches them",
                       m->path, v->image_size, vb_grid_of(rows - 1) * v->patch_size,
                       v->image_size);
    return vb_weights_load(&m->weights, m->device, checkpoint, m->tasks, first, err);
}

vblip_status vb_model_load(vb_model **out, vb_device *device,
                           const vb_checkpoint *checkpoint,
                           const vb_model_options *options, vblip_error *err)
{
    *out = NULL;
    vb_model *m = calloc(1, sizeof *m);
    if (!m)
        return vb_fail_memory(err, "model");
    m->path = strdup(vb_checkpoint_info(checkpoint)->path);
    if (!m->path) {
        vb_model_free(&m);
        return vb_fail_memory(err, "model");
    }
    m->device = device;
    m->config = *vb_checkpoint_config(checkpoint);
    m->tasks = vb_checkpoint_info(checkpoint)->tasks;
    if (options && options->tasks)
        m->tasks = vb_tasks_whole(options->tasks);
    m->compat = vb_compat_of(options ? options->compat : VBLIP_COMPAT_SALESFORCE);
    m->clean = m->compat->clean && !(options && options->raw_text);
    m->activations = (vb_pool){.device = device, .name = "activations"};
    m->decoder = (vb_decoder){.config = &m->config.decoder,
                              .text = &m->weights.decoder,
                              .lm = &m->weights.lm,
                              .pool = &m->activations,
                              .model = m->path};

    vblip_status status = load_vocabulary(m, checkpoint, err);
    if (status == VBLIP_OK)
        status = load_weights(m, checkpoint, err);
    if (status != VBLIP_OK) {
        vb_model_free(&m);
        return status;
    }
    *out = m;
    return VBLIP_OK;
}

void vb_model_free(vb_model **model)
{
    vb_model *m = *model;
    if (!m)
        return;
    vb_weights_free(&m->weights);
    vb_pool_free(&m->activations);
    vb_decoder_free(&m->decoder);
    vb_cross_free(&m->question);
    vb_ids_free(&m->ids);
    for (uint32_t i = 0; i < m->text_capacity; i++)
        vb_ids_free(&m->texts[i]);
    free(m->texts);
    vb_string_free(&m->cleaned);
    vb_vocab_free(&m->vocab);
    free(m->staging);
    free(m->path);
    free(m);
    *model = NULL;
}

const vb_config *vb_model_config(const vb_model *model)
{
    return &model->config;
}

const vb_vocab *vb_model_vocab(const vb_model *model)
{
    return model->vocab;
}

vb_device *vb_model_device(const vb_model *model)
{
    return model->device;
}

bool vb_model_ignores_orientation(const vb_model *model)
{
    return !model->compat->turn_images;
}

vblip_status vb_model_need(const vb_model *model, uint32_t task, vblip_error *err)
{
    static const struct {
        uint32_t task;
        const char *what;
    } names[] = {
        {VBLIP_TASK_RETRIEVAL, "retrieval"},
        {VBLIP_TASK_CAPTION, "captions"},
        {VBLIP_TASK_VQA, "questions"},
        {VBLIP_TASK_NLVR, "statements about two images"},
        {VBLIP_TASK_ITC, "ITC"},
        {VBLIP_TASK_FEATURES, "features"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].task & task & ~model->tasks)
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "model: not loaded for %s",
                           names[i].what);
    return VBLIP_OK;
}

vblip_status vb_model_stage(vb_model *model, uint64_t bytes, vblip_error *err)
{
    if (bytes <= model->staging_bytes)
        return VBLIP_OK;
    uint8_t *grown = realloc(model->staging, bytes);
    if (!grown)
        return vb_fail_memory(err, "staging");
    model->staging = grown;
    model->staging_bytes = bytes;
    return VBLIP_OK;
}

// ------------------------------------------------------------------------------- text

vblip_status vb_ids_assign(vb_ids *ids, const int32_t *values, uint32_t count,
                           vblip_error *err)
{
    if (count > ids->capacity) {
        int32_t *grown = realloc(ids->ids, count * sizeof *grown);
        if (!grown)
            return vb_fail_memory(err, "ids");
        ids->ids = grown;
        ids->capacity = count;
    }
    memcpy(ids->ids, values, count * sizeof *values);
    ids->count = count;
    return VBLIP_OK;
}

vblip_status vb_model_tokens(vb_model *model, vb_ids *ids, const char *text,
                             vb_cleaner clean, uint32_t max_words, uint32_t max_length,
                             int32_t first, vblip_error *err)
{
    size_t size = strlen(text);
    if (clean && model->clean) {
        vb_string_clear(&model->cleaned);
        VB_TRY(clean(&model->cleaned, text, size, max_words, err));
        text = model->cleaned.bytes ? model->cleaned.bytes : "";
        size = model->cleaned.size;
    }
    VB_TRY(vb_tokenize(ids, model->vocab, text, size, max_length, err));
    ids->ids[0] = first;
    return VBLIP_OK;
}

uint32_t vb_model_text_tokens(const vb_model *model)
{
    const uint32_t positions = model->config.encoder.positions;
    const uint32_t most = model->compat->text_tokens;
    return most && most < positions ? most : positions;
}

int32_t vb_model_first(const vb_model *model)
{
    return model->compat->enc_first ? model->special.enc : model->special.cls;
}

// ----------------------------------------------------------------------------- frames

static vblip_status check_frames(const vb_model *m, const vb_frame *frames,
                                 uint32_t count, const float *itc, vblip_error *err)
{
    const uint32_t side = m->config.vision.image_size;
    if (itc)
        VB_TRY(vb_model_need(m, VBLIP_TASK_ITC, err));
    if (!count)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "frames: none given");
    for (uint32_t i = 0; i < count; i++)
        if (frames[i].side != side)
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "frame %u: %u pixels wide, the model takes %u", i,
                           frames[i].side, side);
    return VBLIP_OK;
}

// How many frames to encode at once.
static uint32_t choose_batch(const vb_model *m, uint32_t count, uint32_t batch)
{
    const uint64_t most = m->device->caps.max_buffer_bytes;
    const uint64_t cached = m->device->caps.cached_bytes;
    const uint64_t good = cached ? cached : vision_bytes;
    const uint64_t bytes = batch || good > most ? most : good;
    const uint32_t fits = vb_vision_batch(&m->config.vision, bytes);
    if (!batch || batch > fits)
        batch = fits;
    if (m->most_frames && batch > m->most_frames)
        batch = m->most_frames;
    return batch < count ? batch : count;
}

// The ITC vector of a clip, computed on the device.
typedef struct clip_vector {
    float *home; // NULL: nobody asks for it
    vb_tensor proj, itc;
} clip_vector;

static vblip_status make_clip_vector(clip_vector *v, vb_model *m, uint32_t frames,
                                     vblip_error *err)
{
    const uint32_t projection = m->config.projection;
    if (!v->home)
        return VBLIP_OK;
    VB_TRY(
        vb_pool_tensor(&v->proj, &m->activations, VB_F32, 1, frames, projection, err));
    return vb_pool_tensor(&v->itc, &m->activations, VB_F32, 1, 1, projection, err);
}

// Each frame from where it lies; where the second would begin at no place that a tensor may
// begin at, all of them from one.
static vblip_status upload_frames(vb_recorder *rec, vb_model *m, vb_tensor pixels,
                                  const vb_frame *frames, uint32_t count,
                                  vblip_error *err)
{
    const uint64_t bytes = (uint64_t)pixels.rows * pixels.cols;
    if (bytes % VB_TENSOR_ALIGNMENT == 0) {
        for (uint32_t i = 0; i < count; i++)
            vb_upload(rec, vb_batches(pixels, i, 1), frames[i].rgb);
        return VBLIP_OK;
    }
    VB_TRY(vb_model_stage(m, count * bytes, err));
    uint8_t *out = m->staging;
    for (uint32_t i = 0; i < count; i++, out += bytes)
        memcpy(out, frames[i].rgb, bytes);
    vb_upload(rec, pixels, m->staging);
    return VBLIP_OK;
}

// x [count, N, Dv] = visual tokens of `count` frames.
static vblip_status record_frames(vb_recorder *rec, vb_model *m,
                                  const vb_vision_scratch *scratch, vb_tensor x,
                                  const vb_frame *frames, uint32_t count,
                                  vblip_error *err)
{
    const vb_vision_scratch s = vb_vision_scratch_cut(scratch, count);
    VB_TRY(upload_frames(rec, m, s.pixels, frames, count, err));
    vb_vision_forward(rec, &m->weights.vision, &m->config, &s, x);
    return VBLIP_OK;
}

// With the last of the batches comes the vector of all.
static vblip_status encode_in_batches(vb_model *m, vb_tensor x, const vb_frame *frames,
                                      uint32_t count, uint32_t batch, float *itc,
                                      vblip_error *err)
{
    vb_vision_scratch scratch;
    clip_vector vector = {.home = itc};
    vb_pool_reset(&m->activations);
    VB_TRY(vb_vision_scratch_make(&scratch, &m->activations, &m->config.vision, batch,
                                  err));
    VB_TRY(make_clip_vector(&vector, m, count, err));
    for (uint32_t done = 0, n; done < count; done += n) {
        vb_recorder rec = vb_recorder_begin(m->device);
        n = count - done < batch ? count - done : batch;
        VB_TRY(record_frames(&rec, m, &scratch, vb_batches(x, done, n), frames + done,
                             n, err));
        if (itc && done + n == count) {
            vb_itc_vision(&rec, &m->weights, vector.itc, vector.proj, x);
            vb_download(&rec, itc, vector.itc);
        }
        VB_TRY(vb_recorder_submit(&rec, err));
    }
    return VBLIP_OK;
}

// `batch` at a time, or half as many as long as there is no memory for them.
static vblip_status encode_frames(vb_model *m, vb_tensor x, const vb_frame *frames,
                                  uint32_t count, uint32_t batch, float *itc,
                                  vblip_error *err)
{
    vblip_error why = {0};
    vblip_status status = encode_in_batches(m, x, frames, count, batch, itc, &why);
    while (status == VBLIP_ERR_MEMORY && batch > 1) {
        vb_pool_free(&m->activations);
        vb_error_reset(&why);
        batch = m->most_frames = batch / 2;
        status = encode_in_batches(m, x, frames, count, batch, itc, &why);
    }
    return status == VBLIP_OK ? VBLIP_OK : vb_fail(err, status, "%s", why.message);
}

static vblip_status encode_clip_frames(vb_model *m, vb_visual *visual,
                                       const vb_frame *frames, uint32_t count,
                                       uint32_t batch, float *itc, vblip_error *err)
{
    const vb_vision_config *c = &m->config.vision;
    const uint32_t tokens = vb_vision_tokens(c);
    vb_tensor x;
    VB_TRY(vb_pool_tensor(&x, &visual->pool, VB_F32, count, tokens, c->width, err));
    VB_TRY(encode_frames(m, x, frames, count, choose_batch(m, count, batch), itc, err));
    if (itc)
        VB_TRY(vb_check_finite(itc, m->config.projection, m->path, "ITC vector", err));
    visual->tokens = vb_reshape(x, 1, count * tokens, c->width);
    return VBLIP_OK;
}

vblip_status vb_model_encode(vb_model *model, vb_visual *visual, const vb_frame *frames,
                             uint32_t count, uint32_t batch, float *itc,
                             vblip_error *err)
{
    vb_visual_empty(visual);
    vblip_status status = check_frames(model, frames, count, itc, err);
    if (status == VBLIP_OK)
        status = encode_clip_frames(model, visual, frames, count, batch, itc, err);
    if (status != VBLIP_OK) {
        vb_visual_empty(visual);
        if (itc)
            memset(itc, 0, model->config.projection * sizeof *itc);
    }
    return status;
}

// ------------------------------------------------------------- frames of several clips

// What the frames of all clips become, on its way to their visuals.
typedef struct joint_batch {
    const vb_clip_frames *clips; // [count]
    uint32_t count, frames;
    vb_vision_scratch scratch;
    vb_tensor x; // [frames, N, Dv]
    vb_tensor proj,
        vector; // [frames, 1, projection], [1, 1, projection]: of each in turn
} joint_batch;

static vblip_status joint_batch_make(joint_batch *b, vb_model *m, vblip_error *err)
{
    const vb_vision_config *c = &m->config.vision;
    const uint32_t tokens = vb_vision_tokens(c), projection = m->config.projection;
    vb_pool *pool = &m->activations;
    vb_pool_reset(pool);
    VB_TRY(vb_vision_scratch_make(&b->scratch, pool, c, b->frames, err));
    VB_TRY(vb_pool_tensor(&b->x, pool, VB_F32, b->frames, tokens, c->width, err));
    VB_TRY(vb_pool_tensor(&b->proj, pool, VB_F32, b->frames, 1, projection, err));
    VB_TRY(vb_pool_tensor(&b->vector, pool, VB_F32, 1, 1, projection, err));
    for (uint32_t i = 0; i < b->count; i++) {
        vb_visual *visual = b->clips[i].visual;
        VB_TRY(vb_pool_tensor(&visual->tokens, &visual->pool, VB_F32, 1,
                              b->clips[i].count * tokens, c->width, err));
    }
    return vb_model_stage(m, (uint64_t)b->frames * c->image_size * c->image_size * 3,
                          err);
}

static void stage_clips(vb_model *m, const joint_batch *b)
{
    const uint64_t side = m->config.vision.image_size, bytes = side * side * 3;
    uint8_t *out = m->staging;
    for (uint32_t i = 0; i < b->count; i++)
        for (uint32_t n = 0; n < b->clips[i].count; n++, out += bytes)
            memcpy(out, b->clips[i].frames[n].rgb, bytes);
}

// A clip, whose first frame is frame `at` of the batch, gets what is its own.
static void hand_out_tokens(vb_recorder *rec, const vb_model *m, const joint_batch *b,
                            const vb_clip_frames *clip, uint32_t at)
{
    const vb_tensor tokens = clip->visual->tokens;
    const vb_tensor x = vb_batches(b->x, at, clip->count);
    vb_copy(rec, tokens, vb_reshape(x, 1, tokens.rows, tokens.cols));
    if (!clip->itc)
        return;
    const vb_tensor proj = vb_batches(b->proj, 0, clip->count);
    vb_itc_vision(rec, &m->weights, b->vector,
                  vb_reshape(proj, 1, clip->count, b->vector.cols), x);
    vb_download(rec, clip->itc, b->vector);
}

static vblip_status encode_joint_batch(vb_model *m, joint_batch *b, vblip_error *err)
{
    VB_TRY(joint_batch_make(b, m, err));
    stage_clips(m, b);
    vb_recorder rec = vb_recorder_begin(m->device);
    vb_upload(&rec, b->scratch.pixels, m->staging);
    vb_vision_forward(&rec, &m->weights.vision, &m->config, &b->scratch, b->x);
    uint32_t at = 0;
    for (uint32_t i = 0; i < b->count; at += b->clips[i++].count)
        hand_out_tokens(&rec, m, b, &b->clips[i], at);
    VB_TRY(vb_recorder_submit(&rec, err));
    for (uint32_t i = 0; i < b->count; i++)
        if (b->clips[i].itc)
            VB_TRY(vb_check_finite(b->clips[i].itc, m->config.projection, m->path,
                                   "ITC vector", err));
    return VBLIP_OK;
}

static vblip_status encode_jointly(vb_model *m, const vb_clip_frames *clips,
                                   uint32_t count, uint32_t batch, vblip_error *err)
{
    joint_batch b = {.clips = clips, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        VB_TRY(check_frames(m, clips[i].frames, clips[i].count, clips[i].itc, err));
        b.frames += clips[i].count;
    }
    if (choose_batch(m, b.frames, batch) < b.frames)
        return vb_fail(err, VBLIP_ERR_MEMORY,
                       "frames: %u at once, there is room for %u", b.frames,
                       choose_batch(m, b.frames, batch));
    const vblip_status status = encode_joint_batch(m, &b, err);
    if (status == VBLIP_ERR_MEMORY) { // of as many it is not tried again
        vb_pool_free(&m->activations);
        m->most_frames = b.frames > 1 ? b.frames - 1 : 1;
    }
    return status;
}

vblip_status vb_model_encode_together(vb_model *model, const vb_clip_frames *clips,
                                      uint32_t count, uint32_t batch, vblip_error *err)
{
    for (uint32_t i = 0; i < count; i++)
        vb_visual_empty(clips[i].visual);
    const vblip_status status = encode_jointly(model, clips, count, batch, err);
    for (uint32_t i = 0; i < count && status != VBLIP_OK; i++) {
        vb_visual_empty(clips[i].visual);
        if (clips[i].itc)
            memset(clips[i].itc, 0, model->config.projection * sizeof *clips[i].itc);
    }
    return status;
}

uint32_t vb_model_filling_frames(const vb_model *model, uint32_t batch)
{
    const uint32_t tokens = vb_vision_tokens(&model->config.vision);
    const uint32_t rows = model->device->caps.filling_rows;
    const uint32_t filling = rows ? (rows + tokens - 1) / tokens : 1;
    return choose_batch(model, batch ? batch : filling, batch);
}
