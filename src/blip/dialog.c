// dialog.c - which answer continues a dialog about what is seen? (docs/dialog.md)
#include "blip/heads.h"
#include "blip/model_internal.h"

#include <stdlib.h>
#include <string.h>

// Texts are encoded together up to this many positions.
enum { BATCH_ROWS = 2048 };

// The ids of one candidate's text: [ENC], what fits of the history, question, answer.
typedef struct dialog_texts {
    vb_ids history, question; // of the dialog, [CLS] and [SEP] around
    vb_ids *list;             // by candidate
    uint32_t count;
} dialog_texts;

static void texts_free(dialog_texts *t)
{
    for (uint32_t i = 0; t->list && i < t->count; i++)
        vb_ids_free(&t->list[i]);
    free(t->list);
    vb_ids_free(&t->history);
    vb_ids_free(&t->question);
}

static vblip_status add(vb_string *out, vb_model *m, const char *text, bool question,
                        vblip_error *err)
{
    if (question && m->clean) {
        vb_string_clear(&m->cleaned);
        VB_TRY(
            vb_pre_question(&m->cleaned, text, strlen(text), VB_QUESTION_WORDS, err));
        text = m->cleaned.bytes ? m->cleaned.bytes : "";
    }
    return vb_string_append(out, " ", 1) && vb_string_append(out, text, strlen(text))
               ? VBLIP_OK
               : vb_fail_memory(err, "dialog");
}

static vblip_status write_history(vb_string *out, vb_model *m, const vb_dialog *d,
                                  vblip_error *err)
{
    for (uint32_t i = 0; i < d->turn_count; i++) {
        VB_TRY(add(out, m, d->turns[i].question, true, err));
        VB_TRY(add(out, m, d->turns[i].answer, false, err));
    }
    return VBLIP_OK;
}

static vblip_status tokenize(vb_model *m, vb_ids *ids, const vb_string *text,
                             vblip_error *err)
{
    return vb_tokenize(ids, m->vocab, text->bytes ? text->bytes : "", text->size, 0,
                       err);
}

// `out` = [ENC] ... [SEP] of `history` and `last`, which have both ends; of the history
// what fits, the latest.
static vblip_status join(vb_model *m, vb_ids *out, const vb_ids *history,
                         const vb_ids *last, uint32_t number, vblip_error *err)
{
    const uint32_t positions = m->config.encoder.positions;
    if (last->count > positions)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "candidate %u: %u tokens with its question, the model has %u "
                       "positions",
                       number, last->count, positions);
    uint32_t past = history->count - 2;
    if (past > positions - last->count)
        past = positions - last->count;
    int32_t *ids = malloc((past + last->count) * sizeof *ids);
    if (!ids)
        return vb_fail_memory(err, "dialog");
    ids[0] = m->special.enc;
    memcpy(ids + 1, history->ids + history->count - 1 - past, past * sizeof *ids);
    memcpy(ids + 1 + past, last->ids + 1, (last->count - 1) * sizeof *ids);
    vblip_status status = vb_ids_assign(out, ids, past + last->count, err);
    free(ids);
    return status;
}

static vblip_status make_texts(dialog_texts *t, vb_model *m, const vb_dialog *d,
                               vb_string *text, vblip_error *err)
{
    t->count = d->candidate_count;
    t->list = calloc(t->count, sizeof *t->list);
    if (!t->list)
        return vb_fail_memory(err, "dialog");
    VB_TRY(write_history(text, m, d, err));
    VB_TRY(tokenize(m, &t->history, text, err));
    for (uint32_t i = 0; i < t->count; i++) {
        vb_string_clear(text);
        VB_TRY(add(text, m, d->question, true, err));
        VB_TRY(add(text, m, d->candidates[i], false, err));
        VB_TRY(tokenize(m, &t->question, text, err));
        VB_TRY(join(m, &t->list[i], &t->history, &t->question, i + 1, err));
    }
    return VBLIP_OK;
}

// ----------------------------------------------------------------- image and caption

// Keys and values of the visual tokens, then of the caption's states.
static vblip_status look(vb_model *m, vb_visual *visual, const char *caption,
                         vb_cross *cross, vb_pool *pool, vblip_error *err)
{
    const vb_text_config *c = &m->config.encoder;
    const vb_cross *seen;
    const uint32_t most = c->positions < VB_TEXT_TOKENS ? c->positions : VB_TEXT_TOKENS;
    VB_TRY(vb_visual_encoder_cross(&seen, visual, 0, err));
    VB_TRY(vb_model_tokens(m, &m->ids, caption, vb_pre_caption, VB_CAPTION_WORDS, most,
                           m->special.cls, err));
    const uint32_t tokens = visual->tokens.rows, words = m->ids.count;
    vb_text_scratch s;
    vb_tensor ids, qkv;
    VB_TRY(vb_pool_tensor(&ids, pool, VB_I32, 1, 1, words, err));
    VB_TRY(vb_pool_tensor(&qkv, pool, VB_F32, 1, words, 3 * c->width, err));
    VB_TRY(vb_text_scratch_make(&s, pool, c, 1, words, err));
    VB_TRY(vb_cross_make(cross, pool, c, tokens + words, err));

    vb_recorder rec = vb_recorder_begin(m->device);
    vb_upload(&rec, ids, m->ids.ids);
    vb_text_encode(&rec, &m->weights.encoder, c, &s, qkv, ids, (vb_tensor){0}, NULL);
    for (uint32_t i = 0; i < cross->count; i++) {
        const vb_dense *kv = &m->weights.encoder.layers[i].cross[0].kv;
        vb_copy(&rec, vb_rows(cross->layers[i], 0, tokens), seen->layers[i]);
        vb_linear(&rec, .y = vb_rows(cross->layers[i], tokens, words), .x = s.hidden,
                  .w = kv->w, .bias = kv->b);
    }
    return vb_recorder_submit(&rec, err);
}

// -------------------------------------------------------------------------- the score

static vblip_status score(vb_model *m, const vb_cross *cross, const vb_ids *list,
                          uint32_t count, float (*logits)[2], vb_pool *pool,
                          vblip_error *err)
{
    const vb_text_config *c = &m->config.encoder;
    uint32_t longest = 0;
    for (uint32_t i = 0; i < count; i++)
        longest = list[i].count > longest ? list[i].count : longest;
    VB_TRY(vb_model_stage(m, (uint64_t)count * (longest + 1) * sizeof(int32_t), err));
    int32_t *lengths = (int32_t *)(void *)m->staging, *rows = lengths + count;
    for (uint32_t i = 0; i < count; i++) {
        lengths[i] = (int32_t)list[i].count;
        for (uint32_t t = 0; t < longest; t++)
            rows[(size_t)i * longest + t] =
                t < list[i].count ? list[i].ids[t] : m->special.pad;
    }

    vb_text_scratch s;
    vb_tensor ids, sizes, qkv, out;
    VB_TRY(vb_pool_tensor(&ids, pool, VB_I32, 1, count, longest, err));
    VB_TRY(vb_pool_tensor(&sizes, pool, VB_I32, 1, 1, count, err));
    VB_TRY(vb_pool_tensor(&qkv, pool, VB_F32, count, longest, 3 * c->width, err));
    VB_TRY(vb_pool_tensor(&out, pool, VB_F32, count, 1, 2, err));
    VB_TRY(vb_text_scratch_make(&s, pool, c, count, longest, err));
    vb_recorder rec = vb_recorder_begin(m->device);
    vb_upload(&rec, ids, rows);
    vb_upload(&rec, sizes, lengths);
    vb_text_encode(&rec, &m->weights.encoder, c, &s, qkv, ids, sizes, cross);
    vb_itm_head(&rec, &m->weights, out, s.hidden);
    vb_download(&rec, logits, out);
    return vb_recorder_submit(&rec, err);
}

// How many of the texts from `first` on go through the encoder at once.
static uint32_t fits(const dialog_texts *t, uint32_t first)
{
    uint32_t longest = 0, n = 0;
    while (first + n < t->count) {
        const uint32_t next = t->list[first + n].count;
        longest = next > longest ? next : longest;
        if (n && (n + 1) * longest > BATCH_ROWS)
            break;
        n++;
    }
    return n;
}

static vblip_status score_all(vb_model *m, vb_visual *visual, const vb_dialog *d,
                              const dialog_texts *t, float (*logits)[2], vb_cross *own,
                              vblip_error *err)
{
    const vb_cross *cross = own;
    vb_pool_reset(&m->activations);
    if (d->caption)
        VB_TRY(look(m, visual, d->caption, own, &m->activations, err));
    else
        VB_TRY(vb_visual_encoder_cross(&cross, visual, 0, err));
    vb_pool pool = {.device = m->device, .name = "dialog"};
    vblip_status status = VBLIP_OK;
    for (uint32_t done = 0, n; done < t->count && status == VBLIP_OK; done += n) {
        n = fits(t, done);
        vb_pool_reset(&pool);
        status = score(m, cross, t->list + done, n, logits + done, &pool, err);
    }
    vb_pool_free(&pool);
    return status;
}

vblip_status vb_model_dialog(vb_model *model, vb_visual *visual,
                             const vb_dialog *dialog, float (*logits)[2],
                             vblip_error *err)
{
    const vb_config *c = &model->config;
    dialog_texts texts = {0};
    vb_string text = {0};
    vb_cross cross = {0};
    vblip_status status = vb_model_need(model, VBLIP_TASK_RETRIEVAL, err);
    if (status == VBLIP_OK && dialog->caption && c->vision.width != c->encoder.width)
        status =
            vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                    "dialog: captions need a vision width equal to the text width, "
                    "not %u and %u",
                    c->vision.width, c->encoder.width);
    if (status == VBLIP_OK)
        status = make_texts(&texts, model, dialog, &text, err);
    if (status == VBLIP_OK)
        status = score_all(model, visual, dialog, &texts, logits, &cross, err);
    if (status != VBLIP_OK)
        memset(logits, 0, dialog->candidate_count * sizeof *logits);
    vb_cross_free(&cross);
    vb_string_free(&text);
    texts_free(&texts);
    return status;
}
