#include "video_tasks/brain.h"

// Visuals that are kept may take a quarter of the device's memory, and at most this:
// on a processor's own memory the rest of the machine wants to live too.
static const uint64_t max_cache_bytes = (uint64_t)4 << 30;

static vblip_status visual_make(void *user, vb_visual **out, vblip_error *err)
{
    return vb_visual_make(out, user, err);
}

static vblip_status see(void *user, vb_visual *visual, const vb_frame *frames,
                        uint32_t count, uint32_t batch, float *itc, vblip_error *err)
{
    return vb_model_see(user, visual, frames, count, batch, itc, err);
}

static vblip_status text_itc(void *user, const char *text, float *itc, vblip_error *err)
{
    return vb_model_text_itc(user, text, itc, err);
}

static vblip_status itm(void *user, vb_visual *visual, const char *const *texts,
                        uint32_t count, bool cls_first, float (*logits)[2],
                        vblip_error *err)
{
    return vb_model_itm(user, visual, texts, count, cls_first, logits, err);
}

// Takes the text out of `generated` and frees the rest.
static void take_reply(vb_reply *out, vb_generated *generated)
{
    vb_string_free(&out->text);
    *out = (vb_reply){.text = generated->text, .score = generated->score};
    generated->text = (vb_string){0};
    vb_generated_free(generated);
}

static vblip_status caption(void *user, vb_visual *visual,
                            const vb_caption_params *params, vb_reply *out,
                            vblip_error *err)
{
    vb_generated generated = {0};
    VB_TRY(vb_model_caption(user, visual, params, &generated, err));
    take_reply(out, &generated);
    return VBLIP_OK;
}

static vblip_status answer(void *user, vb_visual *visual, const char *question,
                           vb_reply *out, vblip_error *err)
{
    vb_generated generated = {0};
    VB_TRY(vb_model_answer(user, visual, question, &generated, err));
    take_reply(out, &generated);
    return VBLIP_OK;
}

static vblip_status rank(void *user, vb_visual *visual, const char *question,
                         const char *const *answers, uint32_t count, uint32_t k_test,
                         uint32_t *order, float *scores, uint32_t *kept,
                         vblip_error *err)
{
    return vb_model_rank(user, visual, question, answers, count, k_test, order, scores,
                         kept, err);
}

static vblip_status reason(void *user, vb_visual *left, vb_visual *right,
                           const char *const *statements, uint32_t count,
                           float (*logits)[2], vblip_error *err)
{
    return vb_model_reason(user, left, right, statements, count, logits, err);
}

static vblip_status visual_features(void *user, const vb_visual *visual,
                                    vb_features *out, vblip_error *err)
{
    return vb_model_visual_features(user, visual, out, err);
}

static vblip_status text_features(void *user, vb_visual *visual, const char *text,
                                  vb_features *out, vblip_error *err)
{
    return vb_model_text_features(user, visual, text, out, err);
}

static vblip_status dialog(void *user, vb_visual *visual, const vb_dialog *said,
                           float (*logits)[2], vblip_error *err)
{
    return vb_model_dialog(user, visual, said, logits, err);
}

vb_brain vb_brain_from_model(vb_model *model)
{
    const vb_config *config = vb_model_config(model);
    const vb_device_caps *caps = &vb_model_device(model)->caps;
    uint64_t quarter = caps->memory_bytes / 4;
    return (vb_brain){
        .user = model,
        .side = config->vision.image_size,
        .projection = config->projection,
        .shares_cores = caps->shares_cores,
        .ignore_orientation = vb_model_ignores_orientation(model),
        .cache_bytes = quarter < max_cache_bytes ? quarter : max_cache_bytes,
        .visual_make = visual_make,
        .visual_free = vb_visual_free,
        .visual_bytes = vb_visual_bytes,
        .see = see,
        .text_itc = text_itc,
        .itm = itm,
        .caption = caption,
        .answer = answer,
        .rank = rank,
        .reason = reason,
        .visual_features = visual_features,
        .text_features = text_features,
        .dialog = dialog,
    };
}
