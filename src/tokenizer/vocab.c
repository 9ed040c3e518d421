#include "tokenizer/vocab.h"

#include "base/arena.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

enum { VOCAB_MAX_BYTES = 16 << 20 }; // bert-base-uncased has 231508

enum { SPECIAL_COUNT = 7 };

// In the order of vb_special_ids; the last two follow the file's last line.
static const char *const special_names[SPECIAL_COUNT] = {
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]",
};
enum { SPECIAL_IN_FILE = 5 };

typedef struct token {
    const char *text;
    uint32_t size, hash;
} token;

struct vb_vocab {
    vb_arena arena; // holds all that follows
    token *tokens;  // [lines + 2]
    uint32_t lines;
    uint32_t longest;                // bytes
    uint32_t *slots;                 // id + 1, 0 = free; open addressing
    uint32_t mask;                   // slots - 1, a power of two - 1
    int32_t specials[SPECIAL_COUNT]; // as special_names
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

static vblip_status vocab_allocate(vb_vocab *v, uint32_t lines, const char *subject,
                                   vblip_error *err)
{
    uint32_t slots = 16;
    while (slots < 2 * lines)
        slots *= 2;
    v->mask = slots - 1;
    v->tokens = VB_ARENA_NEW(&v->arena, token, (size_t)lines + 2);
    v->slots = VB_ARENA_NEW(&v->arena, uint32_t, slots);
    if (!v->tokens || !v->slots)
        return vb_fail_memory(err, subject);
    return VBLIP_OK;
}

// Makes a token of one line, in place. A carriage return before the newline is part of
// the line end, as it is to Python.
static vblip_status add_line(vb_vocab *v, char *text, size_t size, const char *subject,
                             vblip_error *err)
{
    uint32_t line = v->lines + 1;
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

    uint32_t hash = hash_bytes(text, size);
    uint32_t at = vocab_slot_of(v, text, size, hash);
    if (v->slots[at])
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: line %u repeats line %u", subject,
                       line, v->slots[at]);
    text[size] = '\0';
    v->tokens[v->lines] = (token){text, (uint32_t)size, hash};
    v->slots[at] = ++v->lines;
    if (size > v->longest)
        v->longest = (uint32_t)size;
    return VBLIP_OK;
}

static vblip_status add_specials(vb_vocab *v, const char *subject, vblip_error *err)
{
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        const char *name = special_names[i];
        int32_t id = find_name(v, name);
        if (i < SPECIAL_IN_FILE) {
            if (id < 0)
                return vb_fail(err, VBLIP_ERR_FORMAT, "%s: no %s in %u lines", subject,
                               name, v->lines);
            v->specials[i] = id;
            continue;
        }
        if (id >= 0)
            return vb_fail(err, VBLIP_ERR_FORMAT,
                           "%s: %s in line %d, but its id follows the last line",
                           subject, name, id + 1);
        v->specials[i] = (int32_t)v->lines + i - SPECIAL_IN_FILE;
        v->tokens[v->specials[i]] = (token){.text = name, .size = 5};
    }
    return VBLIP_OK;
}

static vblip_status vocab_fill(vb_vocab *v, const char *bytes, size_t size,
                               const char *subject, vblip_error *err)
{
    if (size == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: empty", subject);
    if (size > VOCAB_MAX_BYTES)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %zu bytes, at most %d expected",
                       subject, size, VOCAB_MAX_BYTES);
    VB_TRY(vocab_allocate(v, count_lines(bytes, size), subject, err));
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
    return add_specials(v, subject, err);
}

vblip_status vb_vocab_parse(vb_vocab **out, const char *bytes, size_t size,
                            const char *subject, vblip_error *err)
{
    *out = NULL;
    vb_vocab *v = calloc(1, sizeof *v);
    if (!v)
        return vb_fail_memory(err, subject);
    vblip_status status = vocab_fill(v, bytes, size, subject, err);
    if (status != VBLIP_OK)
        vb_vocab_free(&v);
    *out = v;
    return status;
}

vblip_status vb_vocab_load(vb_vocab **out, const char *path, vblip_error *err)
{
    *out = NULL;
    char *bytes;
    size_t size;
    VB_TRY(vb_file_read(&bytes, &size, path, VOCAB_MAX_BYTES, err));
    vblip_status status = vb_vocab_parse(out, bytes, size, path, err);
    free(bytes);
    return status;
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
    return vocab->lines + 2;
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
    return vocab->tokens[id].text;
}

bool vb_vocab_is_special(const vb_vocab *vocab, int32_t id)
{
    for (int i = 0; i < SPECIAL_COUNT; i++)
        if (vocab->specials[i] == id)
            return true;
    return false;
}

int32_t vb_vocab_literal(const vb_vocab *vocab, const char *text, size_t size,
                         size_t *length)
{
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        size_t n = strlen(special_names[i]);
        if (size >= n && memcmp(text, special_names[i], n) == 0) {
            *length = n;
            return vocab->specials[i];
        }
    }
    return -1;
}
