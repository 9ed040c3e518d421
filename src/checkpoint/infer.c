#include "checkpoint/infer.h"

#include "checkpoint/layout.h"
#include "checkpoint/schema.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct inference {
    const vb_weight_files *weights;
    vb_config_file *out;
    uint32_t head_width;
    vblip_error *err;
} inference;

// Refuses the tensor `name`, by what its file calls it.
static vblip_status infer_refuse(const inference *s, const char *name, const char *what)
{
    char there[256];
    vb_weight_files_name(s->weights, there, sizeof there, name);
    return vb_fail(s->err, VBLIP_ERR_FORMAT, "%s: %s: %s", s->weights->path, there,
                   what);
}

// Dimension `axis` of a tensor that must have `rank` of them.
static vblip_status infer_measure(const inference *s, uint32_t *out, const char *name,
                                  uint32_t rank, uint32_t axis, uint32_t max)
{
    const vb_weight *w = vb_weight_find(&s->weights->list, name);
    char what[96];
    if (!w)
        return infer_refuse(s, name, "missing");
    if (w->unreadable)
        return infer_refuse(s, name, w->unreadable);
    if (w->rank != rank) {
        snprintf(what, sizeof what, "%u dimensions, expected %u", w->rank, rank);
        return infer_refuse(s, name, what);
    }
    if (w->shape[axis] > max) {
        snprintf(what, sizeof what, "dimension %u is %" PRIu64 ", at most %u expected",
                 axis, w->shape[axis], max);
        return infer_refuse(s, name, what);
    }
    *out = (uint32_t)w->shape[axis];
    return VBLIP_OK;
}

static vblip_status count_heads(const inference *s, uint32_t *out, const char *tower,
                                uint32_t width)
{
    *out = width / s->head_width;
    if (*out && width % s->head_width == 0)
        return VBLIP_OK;
    return vb_fail(s->err, VBLIP_ERR_UNSUPPORTED,
                   "%s: %s width %u, expected a multiple of %u: without a config.json "
                   "heads are %u wide",
                   s->weights->path, tower, width, s->head_width, s->head_width);
}

// The grid is square.
static vblip_status infer_image(const inference *s)
{
    static const char name[] = "vision_model.embeddings.position_embedding";
    vb_vision_config *v = &s->out->vision;
    char what[96];
    uint32_t tokens;
    VB_TRY(infer_measure(s, &tokens, name, 3, 1, VB_MAX_IMAGE * VB_MAX_IMAGE + 1));
    const uint32_t grid = vb_grid_of(tokens - 1);
    if (grid == 0 || grid * grid + 1 != tokens) {
        snprintf(what, sizeof what, "%u rows, expected a square and 1", tokens);
        return infer_refuse(s, name, what);
    }
    if ((uint64_t)grid * v->patch_size > VB_MAX_IMAGE) {
        snprintf(what, sizeof what,
                 "%u patches of %u pixels, at most %d pixels expected", grid,
                 v->patch_size, VB_MAX_IMAGE);
        return infer_refuse(s, name, what);
    }
    v->image_size = s->out->stored_size = grid * v->patch_size;
    return VBLIP_OK;
}

static vblip_status infer_vision(const inference *s)
{
    static const char embeddings[] = "vision_model.embeddings.";
    vb_vision_config *v = &s->out->vision;
    char name[128];
    snprintf(name, sizeof name, "%sclass_embedding", embeddings);
    v->layers = vb_count_layers(&s->weights->list, VB_VISION_LAYERS);
    if (v->layers == 0 && !vb_weight_find(&s->weights->list, name))
        return vb_fail(s->err, VBLIP_ERR_FORMAT,
                       "%s: no visual_encoder and no vision_model: training that froze "
                       "it may have saved the rest alone",
                       s->weights->path);
    VB_TRY(infer_measure(s, &v->width, name, 3, 2, VB_MAX_WIDTH));
    snprintf(name, sizeof name, "%spatch_embedding.weight", embeddings);
    VB_TRY(infer_measure(s, &v->patch_size, name, 4, 3, VB_MAX_PATCH));
    VB_TRY(infer_image(s));
    VB_TRY(infer_measure(s, &v->mlp, VB_VISION_LAYERS "0.mlp.fc1.weight", 2, 0,
                         VB_MAX_MLP));
    return count_heads(s, &v->heads, "vision", v->width);
}

// Both towers have the sizes of the encoder, or of the decoder where that is alone; the
// layout finds what may differ.
static vblip_status infer_text(const inference *s)
{
    vb_text_config *t = &s->out->text;
    const uint32_t encoder = vb_count_layers(&s->weights->list, VB_ENCODER_LAYERS);
    const char *prefix = encoder ? "text_encoder." : "text_decoder.bert.";
    char name[128];
    t->layers =
        encoder ? encoder : vb_count_layers(&s->weights->list, VB_DECODER_LAYERS);
    if (t->layers == 0)
        return vb_fail(s->err, VBLIP_ERR_FORMAT,
                       "%s: no text_encoder and no text_decoder", s->weights->path);
    snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", prefix);
    VB_TRY(infer_measure(s, &t->vocabulary, name, 2, 0, VB_MAX_VOCABULARY));
    VB_TRY(infer_measure(s, &t->width, name, 2, 1, VB_MAX_WIDTH));
    snprintf(name, sizeof name, "%sembeddings.position_embeddings.weight", prefix);
    VB_TRY(infer_measure(s, &t->positions, name, 2, 0, VB_MAX_POSITIONS));
    snprintf(name, sizeof name, "%sencoder.layer.0.intermediate.dense.weight", prefix);
    VB_TRY(infer_measure(s, &t->mlp, name, 2, 0, VB_MAX_MLP));
    return count_heads(s, &t->heads, "text", t->width);
}

vblip_status vb_config_infer(vb_config_file *out, const vb_weight_files *weights,
                             uint32_t head_width, vblip_error *err)
{
    const inference s = {weights, out, head_width, err};
    *out = vb_config_defaults();
    out->vision.eps = 1e-6f;
    VB_TRY(infer_vision(&s));
    VB_TRY(infer_text(&s));
    if (!vb_weight_find(&weights->list, "vision_proj.weight"))
        return VBLIP_OK;
    return infer_measure(&s, &out->projection, "vision_proj.weight", 2, 0,
                         VB_MAX_WIDTH);
}
