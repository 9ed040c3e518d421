// tokenizer.c - the exported functions about tokenizers.
#include "vblip.h"

#include "api/objects.h"
#include "tokenizer/tokenizer.h"

#include <stdlib.h>

struct vblip_tokenizer {
    vb_vocab *vocab;
    vb_ids ids;          // of the last text
    const char **pieces; // [ids.count]
    uint32_t capacity;   // of pieces
};

vblip_status vblip_tokenizer_open(vblip_tokenizer **out, const char *vocab,
                                  vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    if (!vocab)
        vocab = vblip_bundled_vocab();
    if (!vocab)
        return vb_fail(
            err, VBLIP_ERR_IO,
            "no vocabulary: the bundled one is not installed; give one (--vocab FILE)");
    vblip_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        return vb_fail_memory(err, "tokenizer");
    vblip_status status = vb_vocab_load(&tokenizer->vocab, vocab, err);
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
