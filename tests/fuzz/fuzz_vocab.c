// fuzz_vocab.c - no file may crash, leak, or yield a vocabulary that lies.
#include "tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The text of every token must tokenize, and what comes out must be ids that decode.
static void use(const vb_vocab *vocab)
{
    vb_ids ids = {0};
    vb_string text = {0};
    for (uint32_t id = 0; id < vb_vocab_size(vocab); id++) {
        const char *token = vb_vocab_token(vocab, (int32_t)id);
        if (vb_tokenize(&ids, vocab, token, strlen(token), 0, NULL) != VBLIP_OK ||
            vb_detokenize(&text, vocab, ids.ids, ids.count, NULL) != VBLIP_OK)
            abort();
    }
    vb_ids_free(&ids);
    vb_string_free(&text);
}

static void check_special(const vb_vocab *vocab, int32_t id, const char *name)
{
    if (id >= 0 && strcmp(vb_vocab_token(vocab, id), name) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1); // exact size: ASan guards both ends
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    vb_vocab *vocab;
    vblip_error err = {0};
    vblip_status status = vb_vocab_parse(&vocab, copy, size, "vocab", &err);
    free(copy); // a vocabulary keeps nothing of the file
    if (status == VBLIP_OK) {
        vb_special_ids s = vb_vocab_special(vocab);
        if (s.pad < 0 || s.unk < 0 || s.cls < 0 || s.sep < 0 || s.mask < 0)
            abort();
        check_special(vocab, s.pad, "[PAD]");
        check_special(vocab, s.unk, "[UNK]");
        check_special(vocab, s.cls, "[CLS]");
        check_special(vocab, s.sep, "[SEP]");
        check_special(vocab, s.mask, "[MASK]");
        check_special(vocab, s.dec, "[DEC]");
        check_special(vocab, s.enc, "[ENC]");
        use(vocab);
    } else if (vocab || err.status != status || err.message[0] == '\0') {
        abort();
    }
    vb_vocab_free(&vocab);
    return 0;
}
