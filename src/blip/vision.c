#include "blip/vision.h"

#include "compute/recorder.h"

#include <string.h>

vblip_status vb_vision_scratch_make(vb_vision_scratch *out, vb_pool *pool,
                                    const vb_vision_config *c, uint32_t frames,
                                    vblip_error *err)
{
    const uint32_t tokens = vb_vision_tokens(c), side = c->image_size;
    const uint32_t patch = 3 * c->patch_size * c->patch_size;
    const vb_dtype narrow =
        vb_device_activations(pool->device); // what linear reads next
    *out = (vb_vision_scratch){0};
    VB_TRY(vb_pool_tensor(&out->pixels, pool, VB_U8, frames, side, 3 * side, err));
    VB_TRY(vb_pool_tensor(&out->patches, pool, VB_F32, frames, tokens - 1, patch, err));
    VB_TRY(vb_pool_tensor(&out->norm, pool, narrow, frames, tokens, c->width, err));
    VB_TRY(vb_pool_tensor(&out->qkv, pool, vb_device_keys(pool->device), frames, tokens,
                          3 * c->width, err));
    VB_TRY(vb_pool_tensor(&out->mixed, pool, narrow, frames, tokens, c->width, err));
    VB_TRY(vb_pool_tensor(&out->wide, pool,
                          vb_device_activations_of(pool->device, c->mlp), frames,
                          tokens, c->mlp, err));
    return VBLIP_OK;
}

vb_vision_scratch vb_vision_scratch_cut(const vb_vision_scratch *s, uint32_t frames)
{
    return (vb_vision_scratch){
        .pixels = vb_batches(s->pixels, 0, frames),
        .patches = vb_batches(s->patches, 0, frames),
        .norm = vb_batches(s->norm, 0, frames),
        .qkv = vb_batches(s->qkv, 0, frames),
        .mixed = vb_batches(s->mixed, 0, frames),
        .wide = vb_batches(s->wide, 0, frames),
    };
}

uint32_t vb_vision_batch(const vb_vision_config *c, uint64_t max_bytes)
{
    const uint32_t patch = 3 * c->patch_size * c->patch_size;
    uint32_t widest = c->mlp > 3 * c->width ? c->mlp : 3 * c->width;
    if (patch > widest)
        widest = patch;
    const uint64_t frame = (uint64_t)vb_vision_tokens(c) * widest * sizeof(float);
    const uint64_t frames = max_bytes / frame;
    return frames < 1 ? 1 : frames > UINT32_MAX ? UINT32_MAX : (uint32_t)frames;
}

// x = [cls; patches] + positions
void vb_vision_embed(vb_recorder *rec, const vb_vision_weights *w,
                     const vb_config *config, const vb_vision_scratch *s, vb_tensor x)
{
    vb_patchify_args patchify = {
        .y = s->patches, .frames = s->pixels, .patch = config->vision.patch_size};
    memcpy(patchify.mean, config->mean, sizeof patchify.mean);
    memcpy(patchify.deviation, config->deviation, sizeof patchify.deviation);

    vb_patchify_op(rec, &patchify);
    vb_linear(rec, .y = vb_rows(x, 1, x.rows - 1), .x = s->patches, .w = w->patch.w,
              .bias = w->patch.b);
    vb_set_row(rec, .y = x, .x = w->cls, .row = 0);
    vb_add_rows(rec, .y = x, .x = w->positions);
}

// x += proj(attention(norm1(x)))
void vb_vision_attention(vb_recorder *rec, const vb_vision_block *w,
                         const vb_vision_config *config, const vb_vision_scratch *s,
                         vb_tensor x)
{
    const uint32_t width = config->width;
    const vb_tensor q = vb_columns(s->qkv, 0, width);
    const vb_tensor k = vb_columns(s->qkv, width, width);
    const vb_tensor v = vb_columns(s->qkv, 2 * width, width);

    vb_layernorm(rec, .y = s->norm, .x = x, .gain = w->norm1.gain,
                 .bias = w->norm1.bias, .eps = config->eps);
    vb_linear(rec, .y = s->qkv, .x = s->norm, .w = w->qkv.w, .bias = w->qkv.b);
    vb_attention(rec, .y = s->mixed, .q = q, .k = k, .v = v, .heads = config->heads);
    vb_linear(rec, .y = x, .x = s->mixed, .w = w->proj.w, .bias = w->proj.b,
              .residual = x);
}

// x += fc2(gelu(fc1(norm2(x))))
void vb_vision_mlp(vb_recorder *rec, const vb_vision_block *w,
                   const vb_vision_config *config, const vb_vision_scratch *s,
                   vb_tensor x)
{
    vb_layernorm(rec, .y = s->norm, .x = x, .gain = w->norm2.gain,
                 .bias = w->norm2.bias, .eps = config->eps);
    vb_linear(rec, .y = s->wide, .x = s->norm, .w = w->fc1.w, .bias = w->fc1.b,
              .act = VB_ACT_GELU);
    vb_linear(rec, .y = x, .x = s->wide, .w = w->fc2.w, .bias = w->fc2.b,
              .residual = x);
}

void vb_vision_forward(vb_recorder *rec, const vb_vision_weights *w,
                       const vb_config *config, const vb_vision_scratch *s, vb_tensor x)
{
    vb_vision_embed(rec, w, config, s, x);
    for (uint32_t i = 0; i < config->vision.layers; i++) {
        vb_vision_attention(rec, &w->blocks[i], &config->vision, s, x);
        vb_vision_mlp(rec, &w->blocks[i], &config->vision, s, x);
    }
    vb_layernorm(rec, .y = x, .x = x, .gain = w->norm.gain, .bias = w->norm.bias,
                 .eps = config->vision.eps);
}
