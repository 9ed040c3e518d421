// tokenizer.c - the exported functions about tokenizers.
#include "vblip.h"

#include "api/objects.h"
#include "checkpoint/tokenizer_files.h"
#include "tokenizer/tokenizer.h"

#include <stdlib.h>

struct vblip_tokenizer {
    vb_vocab *vocab;
    vb_ids ids;          // of the last text
    const char **pieces; // [ids.count]
    uint32_t capacity;   // of pieces
};

static vblip_status load_tokenizer(vblip_tokenizer *t, const vblip_model_options *o,
                                   vblip_error *err)
{
    vb_arena arena = {0};
    vb_vocabulary about;
    if (!o->path && !o->vocab) // no model at all
        return vb_vocab_load(&t->vocab, o->default_vocab, err);
    vblip_status status =
        o->vocab ? vb_tokenizer_files_read(&about, &arena, "", o->vocab, NULL, err)
                 : vb_checkpoint_tokenizer(&about, &arena, o, err);
    if (status == VBLIP_OK)
        status = vb_vocab_make(&t->vocab, &about, err);
    vb_arena_free(&arena);
    return status;
}

vblip_status vblip_tokenizer_open(vblip_tokenizer **out,
                                  const vblip_model_options *options, vblip_error *err)
{
    vblip_model_options o;
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_take_model(&o, options, err));
    if (!o.path && !o.vocab && !o.default_vocab)
        return vb_fail(err, VBLIP_ERR_IO,
                       "no vocabulary: none is installed with the library; give one "
                       "(--vocab FILE)");
    vblip_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        return vb_fail_memory(err, "tokenizer");
    vblip_status status = load_tokenizer(tokenizer, &o, err);
    if (status != VBLIP_OK)
        vblip_tokenizer_close(&tokenizer);
    *out = tokenizer;
    return status;
}

void vblip_tokenizer_close(vblip_tokenizer **tokenizer)
{
    if (!tokenizer || !*tokenizer)
        return;
    vb_vocab_free(&(*tokenizer)->vocab);
    vb_ids_free(&(*tokenizer)->ids);
    free((*tokenizer)->pieces);
    free(*tokenizer);
    *tokenizer = NULL;
}

static vblip_status grow_pieces(vblip_tokenizer *tokenizer, vblip_error *err)
{
    const uint32_t count = tokenizer->ids.count;
    if (count <= tokenizer->capacity)
        return VBLIP_OK;
    const char **pieces = realloc(tokenizer->pieces, count * sizeof *pieces);
    if (!pieces)
        return vb_fail_memory(err, "tokens");
    tokenizer->pieces = pieces;
    tokenizer->capacity = count;
    return VBLIP_OK;
}

vblip_status vblip_tokenize(vblip_tokens *out, vblip_tokenizer *tokenizer,
                            const char *text, uint64_t size, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = (vblip_tokens){0};
    VB_TRY(vb_need(tokenizer != NULL, "tokenizer", err));
    VB_TRY(vb_need(text != NULL, "text", err));
    VB_TRY(vb_tokenize(&tokenizer->ids, tokenizer->vocab, text, (size_t)size, 0, err));
    VB_TRY(grow_pieces(tokenizer, err));
    for (uint32_t i = 0; i < tokenizer->ids.count; i++)
        tokenizer->pieces[i] = vb_vocab_token(tokenizer->vocab, tokenizer->ids.ids[i]);
    *out = (vblip_tokens){
        .count = tokenizer->ids.count,
        .ids = tokenizer->ids.ids,
        .pieces = tokenizer->pieces,
    };
    return VBLIP_OK;
}
