#include "blip/text.h"

#include "compute/recorder.h"

#include <stdlib.h>

vblip_status vb_cross_make(vb_cross *cross, vb_pool *pool, const vb_text_config *config,
                           uint32_t kv_len, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    if (cross->count != config->layers) {
        vb_cross_free(cross);
        cross->layers = calloc(config->layers, sizeof *cross->layers);
        if (!cross->layers)
            return vb_fail_memory(err, "keys and values");
        cross->count = config->layers;
    }
    for (uint32_t i = 0; i < cross->count && status == VBLIP_OK; i++)
        status = vb_pool_tensor(&cross->layers[i], pool, vb_device_keys(pool->device),
                                1, kv_len, 2 * config->width, err);
    if (status != VBLIP_OK)
        vb_cross_free(cross);
    return status;
}

void vb_cross_free(vb_cross *cross)
{
    free(cross->layers);
    *cross = (vb_cross){0};
}

void vb_cross_fill(vb_recorder *rec, const vb_text_weights *w, uint32_t side,
                   const vb_cross *cross, vb_tensor states)
{
    for (uint32_t i = 0; i < cross->count; i++) {
        const vb_dense *kv = &w->layers[i].cross[side].kv;
        vb_linear(rec, .y = cross->layers[i], .x = states, .w = kv->w, .bias = kv->b);
    }
}

vblip_status vb_text_scratch_make(vb_text_scratch *out, vb_pool *pool,
                                  const vb_text_config *c, uint32_t batch,
                                  uint32_t tokens, vblip_error *err)
{
    const vb_dtype narrow =
        vb_device_activations(pool->device); // what linear reads next
    *out = (vb_text_scratch){0};
    VB_TRY(vb_pool_tensor(&out->hidden, pool, VB_F32, batch, tokens, c->width, err));
    VB_TRY(vb_pool_tensor(&out->query, pool, VB_F32, batch, tokens, c->width, err));
    VB_TRY(vb_pool_tensor(&out->mixed, pool, narrow, batch, tokens, c->width, err));
    VB_TRY(vb_pool_tensor(&out->wide, pool,
                          vb_device_activations_of(pool->device, c->mlp), batch, tokens,
                          c->mlp, err));
    if (c->nlvr)
        VB_TRY(
            vb_pool_tensor(&out->pair, pool, VB_F32, batch, tokens, 2 * c->width, err));
    return VBLIP_OK;
}

vb_text_scratch vb_text_scratch_cut(const vb_text_scratch *s, uint32_t batch)
{
    return (vb_text_scratch){
        .hidden = vb_batches(s->hidden, 0, batch),
        .query = vb_batches(s->query, 0, batch),
        .mixed = vb_batches(s->mixed, 0, batch),
        .wide = vb_batches(s->wide, 0, batch),
        .pair = s->pair.buffer ? vb_batches(s->pair, 0, batch) : s->pair,
    };
}

void vb_text_embed(vb_recorder *rec, const vb_text_weights *w,
                   const vb_text_config *config, const vb_text_scratch *s,
                   vb_tensor ids, uint32_t first)
{
    vb_embed(rec, .y = s->hidden, .ids = ids, .words = w->words,
             .positions = w->positions, .first_position = first);
    vb_layernorm(rec, .y = s->hidden, .x = s->hidden, .gain = w->norm.gain,
                 .bias = w->norm.bias, .eps = config->eps);
}

// h = norm(h + out(mixed)): how every attention ends.
static void close_attention(vb_recorder *rec, const vb_text_scratch *s,
                            const vb_dense *out, const vb_norm *norm, float eps)
{
    vb_linear(rec, .y = s->hidden, .x = s->mixed, .w = out->w, .bias = out->b,
              .residual = s->hidden);
    vb_layernorm(rec, .y = s->hidden, .x = s->hidden, .gain = norm->gain,
                 .bias = norm->bias, .eps = eps);
}

// h = norm(h + out(attention(h, seen))): keys and values are made of `seen`, of the same
// texts, and added to those before.
static void self_attention(vb_recorder *rec, const vb_text_layer *w,
                           const vb_text_config *config, const vb_text_scratch *s,
                           vb_tensor seen, const vb_self *self)
{
    const uint32_t width = config->width;
    const vb_attention_weights *a = &w->self;
    vb_linear(rec, .y = s->query, .x = s->hidden, .w = a->q.w, .bias = a->q.b);
    vb_linear(rec, .y = vb_rows(self->kv, self->first, seen.rows), .x = seen,
              .w = a->kv.w, .bias = a->kv.b);
    vb_attention(rec, .y = s->mixed, .q = s->query, .k = vb_columns(self->kv, 0, width),
                 .v = vb_columns(self->kv, width, width), .heads = config->heads,
                 .causal = self->causal, .first_query = self->first,
                 .lengths = self->lengths);
    close_attention(rec, s, &a->out, &w->self_norm, config->eps);
}

void vb_text_self_attention(vb_recorder *rec, const vb_text_layer *w,
                            const vb_text_config *config, const vb_text_scratch *s,
                            const vb_self *self)
{
    self_attention(rec, w, config, s, s->hidden, self);
}

// y = attention(q, what is seen): its keys and values, or the states that it absorbs.
static void attend_to_seen(vb_recorder *rec, const vb_dense *kv, uint32_t heads,
                           bool absorbed, vb_tensor y, vb_tensor q, vb_tensor seen)
{
    const uint32_t width = q.cols;
    if (absorbed)
        vb_absorbed_attention(rec, .y = y, .q = q, .x = seen, .w = kv->w, .bias = kv->b,
                              .heads = heads);
    else
        vb_attention(rec, .y = y, .q = q, .k = vb_columns(seen, 0, width),
                     .v = vb_columns(seen, width, width), .heads = heads);
}

// How many of the first texts read the same part.
static uint32_t together(const uint32_t *part, uint32_t count)
{
    uint32_t n = 0;
    while (n < count && part[n] == part[0])
        n++;
    return n;
}

// mixed = attention(h, cross). Parts that follow each other and have as many readers are
// one op: the rows of all readers of a part are queries of one matrix.
static void attend_to(vb_recorder *rec, const vb_attention_weights *w,
                      const vb_text_config *config, const vb_text_scratch *s,
                      const vb_cross *cross, uint32_t layer, const vb_readers *readers)
{
    const bool absorbed = cross->states.buffer != NULL;
    const vb_tensor seen = absorbed ? cross->states : cross->layers[layer];
    vb_linear(rec, .y = s->query, .x = s->hidden, .w = w->q.w, .bias = w->q.b);
    if (!readers)
        attend_to_seen(rec, &w->kv, config->heads, absorbed, s->mixed, s->query, seen);
    for (uint32_t i = 0, n, texts; readers && i < readers->count; i += n * texts) {
        const uint32_t *part = readers->part + i, left = readers->count - i;
        texts = together(part, left);
        for (n = 1; n * texts < left && part[n * texts] == part[0] + n &&
                    together(part + n * texts, left - n * texts) == texts;)
            n++;
        const uint32_t batch = s->query.batch / readers->count; // of a text
        const uint32_t rows = texts * batch * s->query.rows, width = config->width;
        const vb_tensor q = vb_batches(s->query, i * batch, n * texts * batch);
        const vb_tensor y = vb_batches(s->mixed, i * batch, n * texts * batch);
        const vb_tensor parts =
            vb_reshape(seen, readers->parts, seen.rows / readers->parts, seen.cols);
        attend_to_seen(rec, &w->kv, config->heads, absorbed,
                       vb_reshape(y, n, rows, width), vb_reshape(q, n, rows, width),
                       vb_batches(parts, part[0], n));
    }
}

// h = norm(h + out(attention(h, cross)))
void vb_text_cross_attention(vb_recorder *rec, const vb_text_layer *w,
                             const vb_text_config *config, const vb_text_scratch *s,
                             const vb_cross *cross, uint32_t layer,
                             const vb_readers *readers)
{
    attend_to(rec, &w->cross[0], config, s, cross, layer, readers);
    close_attention(rec, s, &w->cross[0].out, &w->cross_norm, config->eps);
}

// o_i = out_i(attention(h, cross_i)); h = norm(h + merge([o_0; o_1])), or in layers that
// average norm(((h + o_0) + (h + o_1)) / 2)
void vb_text_nlvr_attention(vb_recorder *rec, const vb_text_layer *w,
                            const vb_text_config *config, const vb_text_scratch *s,
                            const vb_cross cross[2], uint32_t layer)
{
    const uint32_t width = config->width, rows = s->hidden.batch * s->hidden.rows;
    const bool merges = w->merge.w != NULL;
    for (uint32_t i = 0; i < 2; i++) {
        attend_to(rec, &w->cross[i], config, s, &cross[i], layer, NULL);
        vb_linear(rec, .y = vb_columns(s->pair, i * width, width), .x = s->mixed,
                  .w = w->cross[i].out.w, .bias = w->cross[i].out.b,
                  .residual = merges ? (vb_tensor){0} : s->hidden);
    }
    if (merges)
        vb_linear(rec, .y = s->hidden, .x = s->pair, .w = w->merge.w,
                  .bias = w->merge.b, .residual = s->hidden);
    else
        vb_mean_rows(rec, .y = vb_reshape(s->hidden, rows, 1, width),
                     .x = vb_reshape(s->pair, rows, 2, width));
    vb_layernorm(rec, .y = s->hidden, .x = s->hidden, .gain = w->cross_norm.gain,
                 .bias = w->cross_norm.bias, .eps = config->eps);
}

// h = norm(h + fc2(gelu(fc1(h))))
void vb_text_mlp(vb_recorder *rec, const vb_text_layer *w, const vb_text_config *config,
                 const vb_text_scratch *s)
{
    vb_linear(rec, .y = s->wide, .x = s->hidden, .w = w->fc1.w, .bias = w->fc1.b,
              .act = VB_ACT_GELU);
    vb_linear(rec, .y = s->hidden, .x = s->wide, .w = w->fc2.w, .bias = w->fc2.b,
              .residual = s->hidden);
    vb_layernorm(rec, .y = s->hidden, .x = s->hidden, .gain = w->mlp_norm.gain,
                 .bias = w->mlp_norm.bias, .eps = config->eps);
}

// Self-attention for the first token of each text, on first->hidden: every token is a key
// and a value, the first alone a query.
static void first_self_attention(vb_recorder *rec, const vb_text_layer *w,
                                 const vb_text_config *config, const vb_text_scratch *s,
                                 const vb_text_scratch *first, const vb_self *self)
{
    vb_copy(rec, first->hidden, vb_rows(s->hidden, 0, 1));
    self_attention(rec, w, config, first, s->hidden, self);
}

// The cross-attention of layer `i`, where there is any.
static void read_images(vb_recorder *rec, const vb_text_layer *w,
                        const vb_text_config *config, const vb_text_scratch *s,
                        const vb_cross *cross, uint32_t i)
{
    if (cross && config->nlvr)
        vb_text_nlvr_attention(rec, w, config, s, cross, i);
    else if (cross)
        vb_text_cross_attention(rec, w, config, s, cross, i, NULL);
}

void vb_text_encode(vb_recorder *rec, const vb_text_weights *w,
                    const vb_text_config *config, const vb_text_scratch *s,
                    const vb_text_scratch *first, vb_tensor kv, vb_tensor ids,
                    vb_tensor lengths, const vb_cross *cross)
{
    const vb_self self = {.kv = kv, .lengths = lengths};
    vb_text_embed(rec, w, config, s, ids, 0);
    for (uint32_t i = 0; i < config->layers; i++) {
        const vb_text_layer *layer = &w->layers[i];
        const vb_text_scratch *out = first && i + 1 == config->layers ? first : s;
        if (out == s)
            vb_text_self_attention(rec, layer, config, s, &self);
        else
            first_self_attention(rec, layer, config, s, first, &self);
        read_images(rec, layer, config, out, cross, i);
        vb_text_mlp(rec, layer, config, out);
    }
}

void vb_text_decode(vb_recorder *rec, const vb_text_weights *w,
                    const vb_text_config *config, const vb_text_scratch *s,
                    vb_tensor cache, vb_tensor ids, uint32_t first,
                    const vb_cross *cross, const vb_readers *readers)
{
    const uint32_t width = 2 * config->width;
    const vb_tensor filled = vb_rows(cache, 0, first + s->hidden.rows);
    vb_text_embed(rec, w, config, s, ids, first);
    for (uint32_t i = 0; i < config->layers; i++) {
        const vb_self self = {
            .kv = vb_columns(filled, i * width, width), .first = first, .causal = true};
        vb_text_self_attention(rec, &w->layers[i], config, s, &self);
        vb_text_cross_attention(rec, &w->layers[i], config, s, cross, i, readers);
        vb_text_mlp(rec, &w->layers[i], config, s);
    }
}
