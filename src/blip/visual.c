// visual.c - what was seen: visual tokens, and what cross-attention reads of them.
#include "blip/model_internal.h"

#include <stdlib.h>

vblip_status vb_visual_make(vb_visual **out, vb_model *model, vblip_error *err)
{
    vb_visual *visual = calloc(1, sizeof *visual);
    *out = visual;
    if (!visual)
        return vb_fail_memory(err, "visual tokens");
    visual->model = model;
    visual->pool = (vb_pool){.device = model->device, .name = "visual tokens"};
    return VBLIP_OK;
}

void vb_visual_free(vb_visual **visual)
{
    if (*visual) {
        vb_cross_free(&(*visual)->encoder[0].keys);
        vb_cross_free(&(*visual)->encoder[1].keys);
        vb_cross_free(&(*visual)->decoder.keys);
        vb_pool_free(&(*visual)->pool);
    }
    free(*visual);
    *visual = NULL;
}

uint64_t vb_visual_bytes(const vb_visual *visual)
{
    return visual->pool.bytes;
}

static void reading_empty(vb_reading *reading)
{
    *reading = (vb_reading){.keys = reading->keys}; // whose array is used again
}

void vb_visual_empty(vb_visual *visual)
{
    vb_pool_reset(&visual->pool);
    visual->tokens = visual->states = (vb_tensor){0};
    reading_empty(&visual->encoder[0]);
    reading_empty(&visual->encoder[1]);
    reading_empty(&visual->decoder);
}

void vb_visual_forget(vb_visual *visual)
{
    vb_reading *const readings[] = {&visual->encoder[0], &visual->encoder[1],
                                    &visual->decoder};
    for (size_t i = 0; i < 3; i++) {
        readings[i]->filled = false;
        readings[i]->rows = 0;
    }
}

// Whether keys and values are worth making for `rows` queries, those before included. Of
// each visual token and layer, making them takes 2 * C * D products, reading them 2 * D a
// query, and absorbing them 2 * H * C. Until these are as many, they are absorbed: however
// many queries come, all cost no more than twice what they would have at best.
static bool keys_pay(const vb_text_config *c, uint64_t rows)
{
    const uint64_t making = 2ull * c->cross_width * c->width, reading = 2ull * c->width;
    return rows >= VB_MANY_ROWS ||
           rows * 2 * c->heads * c->cross_width >= making + rows * reading;
}

// Whether what lies between the products of `rows` absorbed queries fits a buffer: of each
// query and head two rows of visual tokens' width and a score of each token.
static bool absorbed_fits(const vb_visual *visual, const vb_text_config *c,
                          uint64_t rows)
{
    const uint64_t floats =
        rows * c->heads * (2ull * c->cross_width + visual->states.rows + 3);
    return floats <= visual->model->device->caps.max_buffer_bytes / sizeof(float);
}

// The visual tokens in the type that ops read best: converted once, and not for each
// layer.
static vblip_status prepare_states(vb_visual *visual, vblip_error *err)
{
    vb_device *device = visual->model->device;
    const vb_tensor tokens = visual->tokens;
    const vb_dtype type = vb_device_activations(device);
    if (!tokens.buffer)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "visual tokens: no frames were encoded");
    if (visual->states.buffer)
        return VBLIP_OK;
    if (type == tokens.type) {
        visual->states = tokens;
        return VBLIP_OK;
    }
    vb_tensor states;
    vb_recorder rec = vb_recorder_begin(device);
    VB_TRY(
        vb_pool_tensor(&states, &visual->pool, type, 1, tokens.rows, tokens.cols, err));
    vb_copy(&rec, states, tokens);
    VB_TRY(vb_recorder_submit(&rec, err));
    visual->states = states;
    return VBLIP_OK;
}

static vblip_status fill_keys(vb_visual *visual, vb_reading *reading,
                              const vb_text_weights *w, uint32_t side,
                              const vb_text_config *config, vblip_error *err)
{
    if (!reading->made)
        VB_TRY(vb_cross_make(&reading->keys, &visual->pool, config, visual->states.rows,
                             err));
    reading->made = true;
    vb_recorder rec = vb_recorder_begin(visual->model->device);
    vb_cross_fill(&rec, w, side, &reading->keys, visual->states);
    VB_TRY(vb_recorder_submit(&rec, err));
    reading->filled = true;
    return VBLIP_OK;
}

static vblip_status read_visual(const vb_cross **out, vb_visual *visual,
                                vb_reading *reading, const vb_text_weights *w,
                                uint32_t side, const vb_text_config *config,
                                uint64_t rows, vblip_error *err)
{
    const bool absorbs = vb_device_absorbs(visual->model->device);
    VB_TRY(prepare_states(visual, err));
    reading->rows += rows;
    if (absorbs && !reading->filled && !keys_pay(config, reading->rows) &&
        absorbed_fits(visual, config, rows)) {
        reading->absorbed = (vb_cross){.states = visual->states};
        *out = &reading->absorbed;
        return VBLIP_OK;
    }
    if (!reading->filled)
        VB_TRY(fill_keys(visual, reading, w, side, config, err));
    *out = &reading->keys;
    return VBLIP_OK;
}

vblip_status vb_visual_encoder_cross(const vb_cross **out, vb_visual *visual,
                                     uint32_t side, uint64_t rows, vblip_error *err)
{
    const vb_model *m = visual->model;
    return read_visual(out, visual, &visual->encoder[side], &m->weights.encoder, side,
                       &m->config.encoder, rows, err);
}

vblip_status vb_visual_decoder_cross(const vb_cross **out, vb_visual *visual,
                                     vblip_error *err)
{
    const vb_model *m = visual->model;
    return read_visual(out, visual, &visual->decoder, &m->weights.decoder, 0,
                       &m->config.decoder, VB_MANY_ROWS, err);
}
