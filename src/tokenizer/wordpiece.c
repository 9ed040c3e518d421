// wordpiece.c - BertTokenizer of transformers 4.15.0 in one pass over the text: literals,
// cleaning, words, accents, punctuation, pieces (blip-spec 4.2). Tokens that a file adds
// are found as in the tokenizers library.
#include "tokenizer/vocab.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_WORD = 100 }; // characters, after accents are gone; a longer word is [UNK]

typedef struct word {
    uint32_t codes[MAX_WORD];
    uint8_t classes[MAX_WORD]; // combining class of each
    uint32_t count;            // MAX_WORD + 1 = too long
    uint32_t run;              // first character that the next mark may move before
} word;

typedef struct tokenizer {
    const vb_vocab *vocab;
    vb_ids *out;
    vb_normal_rules rules;
    int32_t unk;
    uint32_t room; // pieces that still fit
    bool failed;   // memory
    word word;
    // Normalised text that may hold added tokens; unused where the vocabulary has none.
    uint32_t *line;
    size_t line_count, line_capacity;
} tokenizer;

bool vb_ids_append(vb_ids *ids, int32_t id)
{
    if (ids->count == ids->capacity) {
        if (ids->capacity > UINT32_MAX / 2)
            return false;
        uint32_t capacity = ids->capacity ? 2 * ids->capacity : 16;
        int32_t *grown = realloc(ids->ids, (size_t)capacity * sizeof *grown);
        if (!grown)
            return false;
        ids->ids = grown;
        ids->capacity = capacity;
    }
    ids->ids[ids->count++] = id;
    return true;
}

void vb_ids_free(vb_ids *ids)
{
    free(ids->ids);
    *ids = (vb_ids){0};
}

static void wordpiece_emit(tokenizer *t, int32_t id)
{
    if (t->room == 0 || t->failed)
        return;
    t->room--;
    t->failed = !vb_ids_append(t->out, id);
}

// A word as UTF-8, with room for the "##" that its pieces but the first carry.
typedef struct spelling {
    char bytes[2 + 4 * MAX_WORD];
    uint32_t ends[MAX_WORD]; // in `bytes`, of each character
    uint32_t count;
} spelling;

static void spell(spelling *s, const word *w)
{
    s->count = w->count;
    uint32_t size = 2;
    for (uint32_t i = 0; i < w->count; i++) {
        char bytes[4];
        uint32_t length = (uint32_t)vb_utf8_encode(bytes, w->codes[i]);
        memcpy(s->bytes + size, bytes, length);
        size += length;
        s->ends[i] = size;
    }
}

// The longest token that starts at character `first`: its id, and the character after it
// in `next`. -1 = none. Writes "##" over the two bytes before it, which are done with.
static int32_t longest_piece(spelling *s, const vb_vocab *vocab, uint32_t first,
                             uint32_t *next)
{
    uint32_t start = first ? s->ends[first - 1] : 2;
    if (first) {
        start -= 2;
        memcpy(s->bytes + start, "##", 2);
    }
    uint32_t hashes[MAX_WORD]; // of start .. ends[i]
    uint32_t hash = VB_HASH_START, at = start, end = first;
    for (; end < s->count && s->ends[end] - start <= vb_vocab_longest(vocab); end++) {
        for (; at < s->ends[end]; at++)
            hash = vb_hash_byte(hash, s->bytes[at]);
        hashes[end] = hash;
    }
    while (end-- > first) {
        int32_t id =
            vb_vocab_find(vocab, s->bytes + start, s->ends[end] - start, hashes[end]);
        if (id >= 0) {
            *next = end + 1;
            return id;
        }
    }
    return -1;
}

// Ends the word in work, if there is one, and emits its pieces.
static void end_word(tokenizer *t)
{
    word *w = &t->word;
    int32_t pieces[MAX_WORD];
    uint32_t count = 0;
    if (w->count > MAX_WORD) {
        pieces[count++] = t->unk;
    } else {
        spelling s;
        spell(&s, w);
        for (uint32_t at = 0; at < s.count;) {
            int32_t id = longest_piece(&s, t->vocab, at, &at);
            if (id < 0) {
                pieces[0] = t->unk;
                count = 1;
                break;
            }
            pieces[count++] = id;
        }
    }
    w->count = w->run = 0;
    for (uint32_t i = 0; i < count; i++)
        wordpiece_emit(t, pieces[i]);
}

// Adds a character of a word, keeping marks in canonical order.
static void add_to_word(word *w, uint32_t code, uint8_t class)
{
    if (w->count >= MAX_WORD) {
        w->count = MAX_WORD + 1;
        return;
    }
    uint32_t at = w->count++;
    if (class == 0)
        w->run = w->count;
    else
        for (; at > w->run && w->classes[at - 1] > class; at--) {
            w->codes[at] = w->codes[at - 1];
            w->classes[at] = w->classes[at - 1];
        }
    w->codes[at] = code;
    w->classes[at] = class;
}

// A character of the normalised text: an accent is dropped, punctuation is its own word.
static void add_part(tokenizer *t, uint32_t code)
{
    if (code == ' ') {
        end_word(t);
        return;
    }
    if (vb_is_dropped(t->rules, code)) {
        if (vb_combining_class(code) == 0)
            t->word.run = t->word.count;
        return;
    }
    const bool alone = vb_is_punctuation(code);
    const bool ordered =
        code >= 0x80 && !t->rules.keep_accents; // as decomposed text is
    if (alone)
        end_word(t);
    add_to_word(&t->word, code, ordered ? vb_combining_class(code) : 0);
    if (alone)
        end_word(t);
}

static bool grow_line(tokenizer *t)
{
    if (t->line_count < t->line_capacity)
        return true;
    const size_t capacity = t->line_capacity ? 2 * t->line_capacity : 64;
    uint32_t *grown = realloc(t->line, capacity * sizeof *grown);
    t->failed |= !grown;
    if (!grown)
        return false;
    t->line = grown;
    t->line_capacity = capacity;
    return true;
}

static void add_character(tokenizer *t, uint32_t code)
{
    uint32_t parts[VB_MAX_NORMAL];
    const bool kept = vb_vocab_has_normal(t->vocab);
    const size_t count = vb_normalize(parts, t->rules, code);
    for (size_t i = 0; i < count; i++) {
        if (!kept)
            add_part(t, parts[i]);
        else if (!vb_is_dropped(t->rules, parts[i]) && grow_line(t))
            t->line[t->line_count++] = parts[i];
    }
}

// Whether characters of words touch the `size` characters at `at`.
static bool touches_a_word(const uint32_t *codes, size_t count, size_t at, size_t size)
{
    return (at > 0 && vb_is_word(codes[at - 1])) ||
           (at + size < count && vb_is_word(codes[at + size]));
}

// Ends the normalised text in work: added tokens in it, and the words between them.
static void end_line(tokenizer *t)
{
    for (size_t at = 0; at < t->line_count;) {
        const uint32_t *codes = t->line + at;
        const vb_literal *l = vb_vocab_normal(t->vocab, codes, t->line_count - at);
        const size_t size = l ? l->size : 1;
        if (l &&
            !(l->whole_word && touches_a_word(t->line, t->line_count, at, l->size))) {
            end_word(t);
            wordpiece_emit(t, l->id);
        } else {
            for (size_t i = 0; i < size; i++)
                add_part(t, codes[i]);
        }
        at += size;
    }
    t->line_count = 0;
    end_word(t);
}

// Whether characters of words touch the `length` bytes at `at` of a text.
static bool touches_a_letter(const char *text, size_t size, size_t at, size_t length)
{
    uint32_t before = ' ', after = ' ';
    size_t start = at;
    while (start > 0 && ((unsigned char)text[--start] & 0xC0) == 0x80)
        continue;
    if (at > 0)
        vb_utf8_decode(text + start, at - start, &before);
    if (at + length < size)
        vb_utf8_decode(text + at + length, size - at - length, &after);
    return vb_is_word(before) || vb_is_word(after);
}

static void wordpiece_tokenize(tokenizer *t, const char *text, size_t size)
{
    for (size_t i = 0; i < size && t->room > 0 && !t->failed;) {
        const vb_literal *l = vb_vocab_literal(t->vocab, text + i, size - i);
        size_t end = i;
        if (l && !(l->whole_word && touches_a_letter(text, size, i, l->size))) {
            end_line(t);
            wordpiece_emit(t, l->id);
            i += l->size;
            continue;
        }
        for (end += l ? l->size : 1; i < end;) {
            uint32_t code = 0;
            i += vb_utf8_decode(text + i, size - i, &code);
            add_character(t, code);
        }
    }
    end_line(t);
}

vblip_status vb_tokenize(vb_ids *out, const vb_vocab *vocab, const char *text,
                         size_t size, uint32_t max_length, vblip_error *err)
{
    out->count = 0;
    vblip_status status = VBLIP_OK;
    if (max_length == 1)
        status = vb_fail(err, VBLIP_ERR_ARGUMENT,
                         "text: at most 1 token, but [CLS] and [SEP] are 2");
    else if (!vb_utf8_valid(text, size))
        status = vb_fail(err, VBLIP_ERR_ARGUMENT, "text: not UTF-8");
    if (status == VBLIP_OK) {
        vb_special_ids special = vb_vocab_special(vocab);
        tokenizer t = {
            .vocab = vocab,
            .out = out,
            .rules = vb_vocab_rules(vocab),
            .unk = special.unk,
            .room = max_length ? max_length - 2 : UINT32_MAX,
            .failed = !vb_ids_append(out, special.cls),
        };
        wordpiece_tokenize(&t, text, size);
        free(t.line);
        if (t.failed || !vb_ids_append(out, special.sep))
            status = vb_fail_memory(err, "text");
    }
    if (status != VBLIP_OK)
        vb_ids_free(out);
    return status;
}
