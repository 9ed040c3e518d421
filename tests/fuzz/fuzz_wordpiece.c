// fuzz_wordpiece.c - any bytes tokenize to [CLS] ids [SEP] that decode, or are refused.
#include "tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char vocab_text[] =
    "[PAD]\n[unused0]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\n,\n'\n?\n!\n#\n[\n]\na\nb\nab\n"
    "##a\n##b\n##ab\n##aab\nn\n##'\nt\ns\nre\n##re\n\u03c3\n##\u03c2\n##\u302e\ni\n"
    "\u4e2d\n\u1112\n##\u1161\n##\u11ab\n##\U0001d165\nk\u00e5";

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check_ids(const vb_vocab *vocab, const vb_ids *ids, uint32_t max_length)
{
    vb_special_ids s = vb_vocab_special(vocab);
    require(ids->count >= 2 && (max_length == 0 || ids->count <= max_length));
    require(ids->ids[0] == s.cls && ids->ids[ids->count - 1] == s.sep);
    for (uint32_t i = 0; i < ids->count; i++)
        require(ids->ids[i] >= 0 && (uint32_t)ids->ids[i] < vb_vocab_size(vocab));
}

static void check_tokens(const vb_vocab *vocab, const char *text, size_t size,
                         uint32_t max_length)
{
    vb_ids all = {0}, cut = {0};
    bool valid = vb_utf8_valid(text, size);
    vblip_status want = valid ? VBLIP_OK : VBLIP_ERR_ARGUMENT;
    require(vb_tokenize(&all, vocab, text, size, 0, NULL) == want);
    require(vb_tokenize(&cut, vocab, text, size, max_length, NULL) == want);
    if (valid) {
        check_ids(vocab, &all, 0);
        check_ids(vocab, &cut, max_length);
        // Truncation keeps the beginning.
        require(memcmp(all.ids, cut.ids, (cut.count - 1) * sizeof *cut.ids) == 0);
        require(cut.count == all.count || cut.count == max_length);
        vb_string decoded = {0};
        require(vb_detokenize(&decoded, vocab, all.ids, all.count, NULL) == VBLIP_OK);
        require(vb_detokenize_fast(&decoded, vocab, all.ids, all.count, NULL) ==
                VBLIP_OK);
        require(vb_utf8_valid(decoded.bytes, decoded.size));
        vb_string_free(&decoded);
    }
    vb_ids_free(&all);
    vb_ids_free(&cut);
}

// Every byte as an id, in the vocabulary or not.
static void check_decoding(const vb_vocab *vocab, const char *text, size_t size)
{
    vb_ids ids = {0};
    bool known = true;
    for (size_t i = 0; i < size; i++) {
        int32_t id = (int32_t)(unsigned char)text[i] - 1;
        require(vb_ids_append(&ids, id));
        known = known && id >= 0 && (uint32_t)id < vb_vocab_size(vocab);
    }
    vb_string out = {0};
    require(vb_detokenize(&out, vocab, ids.ids, ids.count, NULL) ==
            (known ? VBLIP_OK : VBLIP_ERR_ARGUMENT));
    require(!known || vb_utf8_valid(out.bytes, out.size));
    vb_string_free(&out);
    vb_ids_free(&ids);
}

static void check_cleaning(const char *text, size_t size, uint32_t max_words)
{
    bool valid = vb_utf8_valid(text, size);
    vblip_status want = valid ? VBLIP_OK : VBLIP_ERR_ARGUMENT;
    vb_string out = {0};
    require(vb_pre_caption(&out, text, size, max_words, NULL) == want);
    if (valid) {
        uint32_t words = 1;
        for (size_t i = 0; i < out.size; i++)
            words += out.bytes[i] == ' ';
        require(words <= max_words || out.size == 0);
        require(vb_utf8_valid(out.bytes, out.size));
    }
    size_t before = out.size;
    require(vb_pre_question(&out, text, size, max_words, NULL) == want);
    require(valid ? vb_utf8_valid(out.bytes, out.size) : out.size == before);
    vb_string_free(&out);
}

// The first byte chooses the lengths, the rest is the text.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint32_t choice = data[0];
    char *text = malloc(size); // exact size of what is used: ASan guards the end
    if (!text)
        return 0;
    memcpy(text + 1, data + 1, size - 1);
    vb_vocab *vocab;
    require(vb_vocab_parse(&vocab, vocab_text, sizeof vocab_text - 1, "vocab", NULL) ==
            VBLIP_OK);
    check_tokens(vocab, text + 1, size - 1, 2 + choice % 40);
    check_decoding(vocab, text + 1, size - 1);
    check_cleaning(text + 1, size - 1, choice % 50);
    vb_vocab_free(&vocab);
    free(text);
    return 0;
}
