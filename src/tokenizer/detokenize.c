// detokenize.c - BertTokenizer.decode(skip_special_tokens=True) (blip-spec 4.5).
#include "tokenizer/unicode.h"
#include "tokenizer/vocab.h"

#include <string.h>

static bool append_tokens(vb_string *out, const vb_vocab *vocab, const int32_t *ids,
                          uint32_t count)
{
    bool first = true;
    for (uint32_t i = 0; i < count; i++) {
        if (vb_vocab_is_special(vocab, ids[i]))
            continue;
        const char *token = vb_vocab_token(vocab, ids[i]);
        if (!first && !vb_string_append(out, " ", 1))
            return false;
        if (!vb_string_append(out, token, strlen(token)))
            return false;
        first = false;
    }
    return vb_string_append(out, NULL, 0); // also "" has bytes
}

// The functions below shorten `size` bytes in place and return how many are left.

// str.replace(); `to` is shorter than `from`.
static size_t replace(char *text, size_t size, const char *from, const char *to)
{
    size_t from_size = strlen(from), to_size = strlen(to), kept = 0;
    for (size_t i = 0; i < size;) {
        if (size - i >= from_size && memcmp(text + i, from, from_size) == 0) {
            memcpy(text + kept, to, to_size);
            kept += to_size;
            i += from_size;
        } else {
            text[kept++] = text[i++];
        }
    }
    return kept;
}

// str.strip()
static size_t strip(char *text, size_t size)
{
    size_t first = size, stop = 0;
    for (size_t i = 0; i < size;) {
        uint32_t code = 0;
        size_t length = vb_utf8_decode(text + i, size - i, &code);
        if (!vb_is_space(code)) {
            if (first == size)
                first = i;
            stop = i + length;
        }
        i += length;
    }
    if (stop == 0)
        return 0;
    memmove(text, text + first, stop - first);
    return stop - first;
}

static size_t clean_up(char *text, size_t size)
{
    static const struct {
        const char *from, *to;
    } steps[] = {
        {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
        {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        size = replace(text, size, steps[i].from, steps[i].to);
    return size;
}

static vblip_status check_ids(const vb_vocab *vocab, const int32_t *ids, uint32_t count,
                              vblip_error *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= vb_vocab_size(vocab))
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "token %u: id %d, but the vocabulary has %u", i, ids[i],
                           vb_vocab_size(vocab));
    return VBLIP_OK;
}

vblip_status vb_detokenize(vb_string *out, const vb_vocab *vocab, const int32_t *ids,
                           uint32_t count, vblip_error *err)
{
    VB_TRY(check_ids(vocab, ids, count, err));
    size_t before = out->size, after = before;
    bool ok = append_tokens(out, vocab, ids, count);
    if (ok) {
        char *fresh = out->bytes + before;
        size_t size = replace(fresh, out->size - before, " ##", "");
        after += clean_up(fresh, strip(fresh, size));
    }
    out->size = after;
    if (out->bytes)
        out->bytes[after] = '\0';
    return ok ? VBLIP_OK : vb_fail_memory(err, "text");
}

// Appends a piece, cleaned together with the space before it.
static bool append_piece(vb_string *out, const char *piece, bool first)
{
    const size_t before = out->size;
    const bool joined = !first && strncmp(piece, "##", 2) == 0;
    if (!first && !joined && !vb_string_append(out, " ", 1))
        return false;
    if (joined)
        piece += 2;
    if (!vb_string_append(out, piece, strlen(piece)))
        return false;
    out->size = before + clean_up(out->bytes + before, out->size - before);
    out->bytes[out->size] = '\0';
    return true;
}

vblip_status vb_detokenize_fast(vb_string *out, const vb_vocab *vocab,
                                const int32_t *ids, uint32_t count, vblip_error *err)
{
    VB_TRY(check_ids(vocab, ids, count, err));
    const size_t before = out->size;
    bool ok = vb_string_append(out, NULL, 0), first = true;
    for (uint32_t i = 0; i < count && ok; i++) {
        if (vb_vocab_is_special(vocab, ids[i]))
            continue;
        ok = append_piece(out, vb_vocab_token(vocab, ids[i]), first);
        first = false;
    }
    if (ok)
        return VBLIP_OK;
    out->size = before;
    if (out->bytes)
        out->bytes[before] = '\0';
    return vb_fail_memory(err, "text");
}
