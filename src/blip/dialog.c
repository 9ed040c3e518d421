// dialog.c - which answer continues a dialog about what is shown? (docs/dialog.md)
#include "blip/texts.h"

#include <stdlib.h>
#include <string.h>

// The ids of one candidate's text: [ENC], what fits of the history, question, answer.
typedef struct dialog_texts {
    vb_ids history, question; // of the dialog, [CLS] and [SEP] around
    vb_ids *list;             // by candidate
    uint32_t count;
} dialog_texts;

static void dialog_texts_free(dialog_texts *t)
{
    for (uint32_t i = 0; t->list && i < t->count; i++)
        vb_ids_free(&t->list[i]);
    free(t->list);
    vb_ids_free(&t->history);
    vb_ids_free(&t->question);
}

static vblip_status dialog_add(vb_string *out, vb_model *m, const char *text,
                               bool question, vblip_error *err)
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
        VB_TRY(dialog_add(out, m, d->turns[i].question, true, err));
        VB_TRY(dialog_add(out, m, d->turns[i].answer, false, err));
    }
    return VBLIP_OK;
}

static vblip_status dialog_tokenize(vb_model *m, vb_ids *ids, const vb_string *text,
                                    vblip_error *err)
{
    return vb_tokenize(ids, m->vocab, text->bytes ? text->bytes : "", text->size, 0,
                       err);
}

// `out` = [ENC] ... [SEP] of `history` and `last`, which have both ends; of the history
// what fits, the latest.
static vblip_status join_ids(vb_model *m, vb_ids *out, const vb_ids *history,
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
    VB_TRY(dialog_tokenize(m, &t->history, text, err));
    for (uint32_t i = 0; i < t->count; i++) {
        vb_string_clear(text);
        VB_TRY(dialog_add(text, m, d->question, true, err));
        VB_TRY(dialog_add(text, m, d->candidates[i], false, err));
        VB_TRY(dialog_tokenize(m, &t->question, text, err));
        VB_TRY(join_ids(m, &t->list[i], &t->history, &t->question, i + 1, err));
    }
    return VBLIP_OK;
}

// ----------------------------------------------------------------- image and caption

// Keys and values of the visual tokens, followed by those of the states of the caption.
static vblip_status append_caption(vb_model *m, vb_visual *visual, const char *caption,
                                   vb_cross *cross, vb_pool *pool, vblip_error *err)
{
    const vb_text_config *c = &m->config.encoder;
    const uint32_t most = c->positions < VB_TEXT_TOKENS ? c->positions : VB_TEXT_TOKENS;
    const vb_cross *shown;
    VB_TRY(vb_visual_encoder_cross(&shown, visual, 0, VB_MANY_ROWS, err));
    VB_TRY(vb_model_tokens(m, &m->ids, caption, vb_pre_caption, VB_CAPTION_WORDS, most,
                           m->special.cls, err));
    const uint32_t tokens = visual->tokens.rows, words = m->ids.count;
    vb_tensor states;
    vb_recorder rec = vb_recorder_begin(m->device);
    VB_TRY(vb_cross_make(cross, pool, c, tokens + words, err));
    VB_TRY(
        vb_texts_encode(&states, &rec, m, pool, &m->ids, 1, VB_STATES_ALL, NULL, err));
    for (uint32_t i = 0; i < cross->count; i++) {
        const vb_dense *kv = &m->weights.encoder.layers[i].cross[0].kv;
        vb_copy(&rec, vb_rows(cross->layers[i], 0, tokens), shown->layers[i]);
        vb_linear(&rec, .y = vb_rows(cross->layers[i], tokens, words), .x = states,
                  .w = kv->w, .bias = kv->b);
    }
    return vb_recorder_submit(&rec, err);
}

// -------------------------------------------------------------------------- the score

static vblip_status score_all(vb_model *m, vb_visual *visual, const vb_dialog *d,
                              const dialog_texts *t, float (*logits)[2], vb_cross *own,
                              vblip_error *err)
{
    const vb_cross *cross = own;
    vb_pool_reset(&m->activations);
    if (d->caption)
        VB_TRY(append_caption(m, visual, d->caption, own, &m->activations, err));
    else
        VB_TRY(vb_visual_encoder_cross(&cross, visual, 0,
                                       vb_texts_rows(t->list, t->count), err));
    vb_pool pool = {.device = m->device, .name = "dialog"};
    vblip_status status = VBLIP_OK;
    for (uint32_t done = 0, n; done < t->count && status == VBLIP_OK; done += n) {
        n = vb_texts_fit(t->list + done, t->count - done);
        vb_pool_reset(&pool);
        status = vb_itm_batch(m, &pool, cross, t->list + done, n, logits + done, err);
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
    dialog_texts_free(&texts);
    return status;
}
