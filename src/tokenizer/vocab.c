#include "tokenizer/vocab.h"

#include "base/arena.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

enum { VOCAB_MAX_BYTES = 16 << 20 }; // bert-base-uncased has 231508

enum { SPECIAL_COUNT = 7, SPECIAL_IN_FILE = 5 };

// In the order of vb_special_ids; the last two follow all tokens that files name, unless
// a file names them.
static const char *const special_names[SPECIAL_COUNT] = {
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]",
};

typedef struct token {
    const char *text;
    uint32_t size, hash;
    const char *shown; // what the id becomes in a text; NULL = the same
    bool special;      // left out when ids become text
} token;

// Tokens that are found in a text before words are cut into pieces.
typedef struct literals {
    vb_literal *items;
    uint32_t count;
} literals;

struct vb_vocab {
    vb_arena arena; // holds all that follows
    token *tokens;  // [size]
    uint32_t words; // tokens that pieces of words can be: the first ones
    uint32_t size;
    uint32_t longest;                // of words, bytes
    uint32_t *slots;                 // id + 1, 0 = free; open addressing
    uint32_t mask;                   // slots - 1, a power of two - 1
    int32_t specials[SPECIAL_COUNT]; // as special_names; -1 = no token
    literals raw, normal; // found in the text as it is, in the normalised text
    vb_normal_rules rules;
};

static uint32_t hash_bytes(const char *bytes, size_t size)
{
    uint32_t hash = VB_HASH_START;
    for (size_t i = 0; i < size; i++)
        hash = vb_hash_byte(hash, bytes[i]);
    return hash;
}

// The slot that holds these bytes, or the free one where they belong.
static uint32_t vocab_slot_of(const vb_vocab *v, const char *bytes, size_t size,
                              uint32_t hash)
{
    uint32_t at = hash & v->mask;
    for (; v->slots[at]; at = (at + 1) & v->mask) {
        const token *t = &v->tokens[v->slots[at] - 1];
        if (t->hash == hash && t->size == size && memcmp(t->text, bytes, size) == 0)
            break;
    }
    return at;
}

int32_t vb_vocab_find(const vb_vocab *vocab, const char *bytes, size_t size,
                      uint32_t hash)
{
    return (int32_t)vocab->slots[vocab_slot_of(vocab, bytes, size, hash)] - 1;
}

static int32_t find_name(const vb_vocab *v, const char *name)
{
    size_t size = strlen(name);
    return vb_vocab_find(v, name, size, hash_bytes(name, size));
}

// Lines of the file; a last line may lack its newline.
static uint32_t count_lines(const char *bytes, size_t size)
{
    uint32_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n';
    return lines + (size > 0 && bytes[size - 1] != '\n');
}

// Room for `words` words and what may follow them.
static vblip_status vocab_allocate(vb_vocab *v, uint32_t words,
                                   const vb_vocabulary *about, vblip_error *err)
{
    uint32_t slots = 16;
    while (slots < 2 * words)
        slots *= 2;
    const size_t literal_count = (size_t)about->added_count + SPECIAL_COUNT;
    v->mask = slots - 1;
    v->tokens = VB_ARENA_NEW(&v->arena, token, (size_t)words + about->added_count + 2);
    v->slots = VB_ARENA_NEW(&v->arena, uint32_t, slots);
    v->raw.items = VB_ARENA_NEW(&v->arena, vb_literal, literal_count);
    v->normal.items = VB_ARENA_NEW(&v->arena, vb_literal, literal_count);
    if (!v->tokens || !v->slots || !v->raw.items || !v->normal.items)
        return vb_fail_memory(err, about->path);
    return VBLIP_OK;
}

// Adds the next word.
static vblip_status add_word(vb_vocab *v, const char *text, size_t size,
                             const char *subject, vblip_error *err)
{
    const uint32_t hash = hash_bytes(text, size);
    const uint32_t at = vocab_slot_of(v, text, size, hash);
    if (v->slots[at])
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: line %u repeats line %u", subject,
                       v->words + 1, v->slots[at]);
    v->tokens[v->words] = (token){.text = text, .size = (uint32_t)size, .hash = hash};
    v->slots[at] = ++v->words;
    if (size > v->longest)
        v->longest = (uint32_t)size;
    return VBLIP_OK;
}

// Makes a token of one line, in place. A carriage return before the newline is part of
// the line end, as it is to Python.
static vblip_status add_line(vb_vocab *v, char *text, size_t size, const char *subject,
                             vblip_error *err)
{
    uint32_t line = v->words + 1;
    if (size > 0 && text[size - 1] == '\r')
        size--;
    if (size == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: line %u is empty", subject, line);
    if (!vb_utf8_valid(text, size))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: line %u is not UTF-8", subject,
                       line);
    if (memchr(text, '\0', size) || memchr(text, '\r', size))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: control character in line %u",
                       subject, line);
    text[size] = '\0';
    return add_word(v, text, size, subject, err);
}

// The lines of a vocab.txt.
static vblip_status add_lines(vb_vocab *v, const char *bytes, size_t size,
                              const vb_vocabulary *about, vblip_error *err)
{
    const char *subject = about->path;
    if (size == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: empty", subject);
    if (size > VOCAB_MAX_BYTES)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %zu bytes, at most %d expected",
                       subject, size, VOCAB_MAX_BYTES);
    VB_TRY(vocab_allocate(v, count_lines(bytes, size), about, err));
    char *copy = vb_arena_string(&v->arena, bytes, size);
    if (!copy)
        return vb_fail_memory(err, subject);
    for (char *at = copy, *end = copy + size; at < end;) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        VB_TRY(add_line(v, at, (size_t)(stop - at), subject, err));
        at = stop + 1;
    }
    return VBLIP_OK;
}

// The words that a file in another format gave.
static vblip_status add_words(vb_vocab *v, const vb_vocabulary *about, vblip_error *err)
{
    VB_TRY(vocab_allocate(v, about->word_count, about, err));
    for (uint32_t i = 0; i < about->word_count; i++) {
        const size_t size = strlen(about->words[i]);
        char *copy = vb_arena_string(&v->arena, about->words[i], size);
        if (!copy)
            return vb_fail_memory(err, about->path);
        VB_TRY(add_word(v, copy, size, about->path, err));
    }
    return VBLIP_OK;
}

// ------------------------------------------------------------ special and added tokens

// The normalised characters of a text; *count of them.
static uint32_t *normal_codes(vb_vocab *v, uint32_t *count, const char *text)
{
    const size_t size = strlen(text);
    uint32_t *codes = VB_ARENA_NEW(&v->arena, uint32_t, size * VB_MAX_NORMAL);
    *count = 0;
    for (size_t at = 0; codes && at < size;) {
        uint32_t code = 0, parts[VB_MAX_NORMAL];
        at += vb_utf8_decode(text + at, size - at, &code);
        const size_t n = vb_normalize(parts, v->rules, code);
        for (size_t i = 0; i < n; i++)
            if (!vb_is_dropped(v->rules, parts[i]))
                codes[(*count)++] = parts[i];
    }
    return codes;
}

// The token that is found under `codes` is written as they are.
static bool show_normal(vb_vocab *v, uint32_t id, const uint32_t *codes, uint32_t count)
{
    char *text = VB_ARENA_NEW(&v->arena, char, 4 * (size_t)count + 1);
    size_t size = 0;
    for (uint32_t i = 0; text && i < count; i++)
        size += vb_utf8_encode(text + size, codes[i]);
    v->tokens[id].shown = text;
    return text != NULL;
}

static vblip_status add_literal(vb_vocab *v, const vb_added_token *t, const char *text,
                                vblip_error *err)
{
    vb_literal literal = {.text = text,
                          .size = (uint32_t)strlen(text),
                          .id = (int32_t)t->id,
                          .whole_word = t->whole_word};
    literals *list = t->normalized ? &v->normal : &v->raw;
    if (t->normalized) {
        literal.codes = normal_codes(v, &literal.size, text);
        if (!literal.codes || !show_normal(v, t->id, literal.codes, literal.size))
            return vb_fail_memory(err, "added tokens");
    }
    if (literal.size)
        list->items[list->count++] = literal;
    v->tokens[t->id].special |= t->special;
    return VBLIP_OK;
}

// An added token that is a word has the word's id; others follow the words.
static vblip_status add_token(vb_vocab *v, const vb_added_token *t, const char *subject,
                              vblip_error *err)
{
    const int32_t word = find_name(v, t->text);
    const uint32_t expected = word >= 0 ? (uint32_t)word : v->size;
    if (t->id != expected)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: \"%.64s\" has id %u, expected %u: added tokens follow the "
                       "%u words without a gap",
                       subject, t->text, t->id, expected, v->words);
    char *text = vb_arena_string(&v->arena, t->text, strlen(t->text));
    if (!text)
        return vb_fail_memory(err, subject);
    if (word < 0)
        v->tokens[v->size++] = (token){.text = text, .size = (uint32_t)strlen(text)};
    return add_literal(v, t, text, err);
}

static vblip_status add_named_specials(vb_vocab *v, const char *subject,
                                       vblip_error *err)
{
    for (int i = 0; i < SPECIAL_IN_FILE; i++) {
        v->specials[i] = find_name(v, special_names[i]);
        if (v->specials[i] < 0)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: no %s in %u words", subject,
                           special_names[i], v->words);
        const vb_added_token t = {special_names[i], (uint32_t)v->specials[i], true,
                                  false, false};
        VB_TRY(add_literal(v, &t, special_names[i], err));
    }
    return VBLIP_OK;
}

// Of [DEC] and [ENC]: the id of the token that a file names so, -1 when none does.
static int32_t find_token(const vb_vocab *v, const char *name)
{
    for (uint32_t id = v->words; id < v->size; id++)
        if (strcmp(v->tokens[id].text, name) == 0)
            return (int32_t)id;
    return find_name(v, name);
}

// [DEC] and [ENC] are what files name so; else they are the two rows that follow. Where
// the word embedding has no two rows more, there are none.
static vblip_status add_unnamed_specials(vb_vocab *v, const vb_vocabulary *about,
                                         vblip_error *err)
{
    int named = 0;
    for (int i = SPECIAL_IN_FILE; i < SPECIAL_COUNT; i++) {
        v->specials[i] = find_token(v, special_names[i]);
        if (v->specials[i] < 0)
            continue;
        v->tokens[v->specials[i]].special = true;
        named++;
    }
    if (named || about->rows == v->size)
        return VBLIP_OK;
    for (int i = SPECIAL_IN_FILE; i < SPECIAL_COUNT; i++) {
        v->specials[i] = (int32_t)v->size++;
        v->tokens[v->specials[i]] = (token){.text = special_names[i], .size = 5};
        v->tokens[v->specials[i]].special = true;
        const vb_added_token t = {special_names[i], (uint32_t)v->specials[i], true,
                                  false, false};
        if (!about->named)
            VB_TRY(add_literal(v, &t, special_names[i], err));
    }
    return VBLIP_OK;
}

static vblip_status vocab_fill(vb_vocab *v, const char *bytes, size_t size,
                               const vb_vocabulary *about, vblip_error *err)
{
    v->rules = (vb_normal_rules){about->keep_case, about->keep_accents,
                                 about->join_ideographs};
    if (about->words)
        VB_TRY(add_words(v, about, err));
    else
        VB_TRY(add_lines(v, bytes, size, about, err));
    v->size = v->words;
    VB_TRY(add_named_specials(v, about->path, err));
    for (uint32_t i = 0; i < about->added_count; i++)
        VB_TRY(add_token(v, &about->added[i], about->added_path, err));
    return add_unnamed_specials(v, about, err);
}

static vblip_status vocab_new(vb_vocab **out, const char *bytes, size_t size,
                              const vb_vocabulary *about, vblip_error *err)
{
    *out = NULL;
    vb_vocab *v = calloc(1, sizeof *v);
    if (!v)
        return vb_fail_memory(err, about->path);
    vblip_status status = vocab_fill(v, bytes, size, about, err);
    if (status != VBLIP_OK)
        vb_vocab_free(&v);
    *out = v;
    return status;
}

vblip_status vb_vocab_parse(vb_vocab **out, const char *bytes, size_t size,
                            const char *subject, vblip_error *err)
{
    const vb_vocabulary about = {.path = subject};
    return vocab_new(out, bytes, size, &about, err);
}

vblip_status vb_vocab_make(vb_vocab **out, const vb_vocabulary *about, vblip_error *err)
{
    *out = NULL;
    if (about->words)
        return vocab_new(out, NULL, 0, about, err);
    char *bytes;
    size_t size;
    VB_TRY(vb_file_read(&bytes, &size, about->path, VOCAB_MAX_BYTES, err));
    vblip_status status = vocab_new(out, bytes, size, about, err);
    free(bytes);
    return status;
}

vblip_status vb_vocab_load(vb_vocab **out, const char *path, vblip_error *err)
{
    return vb_vocab_make(out, &(vb_vocabulary){.path = path}, err);
}

void vb_vocab_free(vb_vocab **vocab)
{
    if (!*vocab)
        return;
    vb_arena_free(&(*vocab)->arena);
    free(*vocab);
    *vocab = NULL;
}

uint32_t vb_vocab_size(const vb_vocab *vocab)
{
    return vocab->size;
}

uint32_t vb_vocab_words(const vb_vocab *vocab)
{
    return vocab->words;
}

size_t vb_vocab_longest(const vb_vocab *vocab)
{
    return vocab->longest;
}

vb_special_ids vb_vocab_special(const vb_vocab *vocab)
{
    const int32_t *s = vocab->specials;
    return (vb_special_ids){
        .pad = s[0],
        .unk = s[1],
        .cls = s[2],
        .sep = s[3],
        .mask = s[4],
        .dec = s[5],
        .enc = s[6],
    };
}

const char *vb_vocab_token(const vb_vocab *vocab, int32_t id)
{
    const token *t = &vocab->tokens[id];
    return t->shown ? t->shown : t->text;
}

bool vb_vocab_is_special(const vb_vocab *vocab, int32_t id)
{
    return vocab->tokens[id].special;
}

vb_normal_rules vb_vocab_rules(const vb_vocab *vocab)
{
    return vocab->rules;
}

const vb_literal *vb_vocab_literal(const vb_vocab *vocab, const char *text, size_t size)
{
    const vb_literal *best = NULL;
    for (uint32_t i = 0; i < vocab->raw.count; i++) {
        const vb_literal *l = &vocab->raw.items[i];
        if (l->text[0] == text[0] && l->size <= size &&
            (!best || l->size > best->size) && memcmp(text, l->text, l->size) == 0)
            best = l;
    }
    return best;
}

bool vb_vocab_has_normal(const vb_vocab *vocab)
{
    return vocab->normal.count > 0;
}

const vb_literal *vb_vocab_normal(const vb_vocab *vocab, const uint32_t *codes,
                                  size_t count)
{
    const vb_literal *best = NULL;
    for (uint32_t i = 0; i < vocab->normal.count; i++) {
        const vb_literal *l = &vocab->normal.items[i];
        if (l->codes[0] == codes[0] && l->size <= count &&
            (!best || l->size > best->size) &&
            memcmp(codes, l->codes, l->size * sizeof *codes) == 0)
            best = l;
    }
    return best;
}
