#include "checkpoint/tokenizer_files.h"

#include "base/file.h"
#include "base/path.h"
#include "formats/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TOKENIZER = 32 << 20, // bytes; that of a BLIP has 711396
    MAX_WORDS = 1 << 22,
    MAX_ADDED = 4096,
    MAX_TOKEN = 256, // bytes of an added token
};

typedef struct tokenizer_files {
    vb_arena *arena;
    const char *folder;
    vblip_error *err;
    vb_vocabulary *out;
    vb_added_token *added; // [MAX_ADDED], sorted when all are there
    bool verbatim; // the class has no settings: tokenizer.json is taken as it is
    bool decoder;  // tokenizer_config.json lists the added tokens
} tokenizer_files;

// One of the files, parsed: `json` NULL where the folder has none. Free with
// cJSON_Delete.
static vblip_status load_json(const tokenizer_files *t, vb_json_object *out,
                              const char *path)
{
    *out = (vb_json_object){.subject = path, .where = ""};
    bool there;
    VB_TRY(vb_path_exists(&there, path, t->err));
    if (!there)
        return VBLIP_OK;
    char *text;
    size_t size;
    cJSON *root;
    VB_TRY(vb_file_read(&text, &size, path, MAX_TOKENIZER, t->err));
    vblip_status status = vb_json_parse(&root, text, size, path, t->err);
    free(text);
    if (status != VBLIP_OK)
        return status;
    out->json = root;
    if (cJSON_IsObject(root))
        return VBLIP_OK;
    cJSON_Delete(root);
    *out = (vb_json_object){0};
    return vb_fail(t->err, VBLIP_ERR_FORMAT, "%s: not an object", path);
}

// Runs `read` on a file of the folder that is there; *there says whether.
static vblip_status with_file(tokenizer_files *t, const char *path, bool *there,
                              vblip_status (*read)(tokenizer_files *, vb_json_object))
{
    vb_json_object file;
    VB_TRY(load_json(t, &file, path));
    *there = file.json != NULL;
    vblip_status status = file.json ? read(t, file) : VBLIP_OK;
    cJSON_Delete((cJSON *)(uintptr_t)file.json);
    return status;
}

// ----------------------------------------------------------------------- added tokens

// A later file's token takes the place of an earlier one's with the same id.
static vblip_status add_added(tokenizer_files *t, vb_json_object file, const char *text,
                              vb_added_token token)
{
    vb_vocabulary *v = t->out;
    const size_t size = strlen(text);
    uint32_t at = 0;
    if (size == 0 || size > MAX_TOKEN || token.id >= MAX_WORDS)
        return vb_fail(
            t->err, VBLIP_ERR_FORMAT,
            "%s: added token of %zu bytes with id %u, expected 1 to %d bytes "
            "and an id below %d",
            file.subject, size, token.id, MAX_TOKEN, MAX_WORDS);
    while (at < v->added_count && t->added[at].id != token.id)
        at++;
    if (at == MAX_ADDED)
        return vb_fail(t->err, VBLIP_ERR_FORMAT, "%s: more than %d added tokens",
                       file.subject, MAX_ADDED);
    token.text = vb_arena_string(t->arena, text, size);
    if (!token.text)
        return vb_fail_memory(t->err, file.subject);
    t->added[at] = token;
    v->added_count += at == v->added_count;
    v->added_path = vb_arena_string(t->arena, file.subject, strlen(file.subject));
    return v->added_path ? VBLIP_OK : vb_fail_memory(t->err, file.subject);
}

// {"content": "<loc1>", "special": true, ...}. What lstrip and rstrip take away are
// blanks, which BERT drops.
static vblip_status read_added(tokenizer_files *t, vb_json_object file,
                               const cJSON *json, uint32_t id)
{
    vb_json_object object = {json, file.subject, "added_tokens"};
    vb_added_token token = {.id = id};
    const char *text = NULL;
    if (!cJSON_IsObject(json))
        return vb_fail(t->err, VBLIP_ERR_FORMAT, "%s: added token %u: not an object",
                       file.subject, id);
    VB_TRY(vb_json_string(&text, object, "content", t->err));
    VB_TRY(vb_json_bool(&token.special, object, "special", t->err));
    token.normalized = !token.special;
    VB_TRY(vb_json_bool(&token.normalized, object, "normalized", t->err));
    VB_TRY(vb_json_bool(&token.whole_word, object, "single_word", t->err));
    if (!text)
        return vb_fail(t->err, VBLIP_ERR_FORMAT, "%s: added token %u: no content",
                       file.subject, id);
    return add_added(t, file, text, token);
}

// {"30522": {"content": ...}, ...}
static vblip_status read_decoder(tokenizer_files *t, vb_json_object file)
{
    static const char key[] = "added_tokens_decoder";
    const cJSON *list = vb_json_get(file, key);
    if (!list)
        return VBLIP_OK;
    if (!cJSON_IsObject(list))
        return vb_json_fail(file, key, VBLIP_ERR_FORMAT, t->err, "not an object");
    t->decoder = t->out->named = true;
    for (const cJSON *c = list->child; c; c = c->next) {
        char *end;
        const unsigned long id = strtoul(c->string, &end, 10);
        if (end == c->string || *end || id >= MAX_WORDS)
            return vb_json_fail(file, key, VBLIP_ERR_FORMAT, t->err,
                                "\"%.32s\" is no id", c->string);
        VB_TRY(read_added(t, file, c, (uint32_t)id));
    }
    return VBLIP_OK;
}

// added_tokens.json: {"stent": 30523, ...}
static vblip_status read_added_file(tokenizer_files *t, vb_json_object file)
{
    for (const cJSON *c = file.json->child; c; c = c->next) {
        uint64_t id;
        if (!vb_json_whole(&id, c) || id >= MAX_WORDS)
            return vb_fail(t->err, VBLIP_ERR_FORMAT, "%s: \"%.64s\": no id",
                           file.subject, c->string);
        const bool bracketed = c->string[0] == '['; // [DEC], [ENC]
        VB_TRY(add_added(t, file, c->string,
                         (vb_added_token){.id = (uint32_t)id,
                                          .special = bracketed,
                                          .normalized = !bracketed}));
    }
    return VBLIP_OK;
}

static int by_id(const void *a, const void *b)
{
    const vb_added_token *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

// ------------------------------------------------------------------ tokenizer_config.json

// A special token must have BERT's name: "[CLS]", or {"content": "[CLS]"}.
static vblip_status check_special_names(vb_json_object file, vblip_error *err)
{
    static const char *const names[][2] = {{"pad_token", "[PAD]"},
                                           {"unk_token", "[UNK]"},
                                           {"cls_token", "[CLS]"},
                                           {"sep_token", "[SEP]"},
                                           {"mask_token", "[MASK]"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const cJSON *value = vb_json_get(file, names[i][0]);
        if (cJSON_IsObject(value))
            value = cJSON_GetObjectItemCaseSensitive(value, "content");
        if (value && !cJSON_IsString(value))
            return vb_json_fail(file, names[i][0], VBLIP_ERR_FORMAT, err,
                                "not a token");
        if (value && strcmp(value->valuestring, names[i][1]) != 0)
            return vb_json_fail(file, names[i][0], VBLIP_ERR_UNSUPPORTED, err,
                                "\"%.40s\", expected \"%s\"", value->valuestring,
                                names[i][1]);
    }
    return VBLIP_OK;
}

static vblip_status read_class(tokenizer_files *t, vb_json_object file)
{
    static const struct {
        const char *name;
        bool verbatim;
    } classes[] = {{"BertTokenizer", false},
                   {"BertTokenizerFast", false},
                   {"PreTrainedTokenizerFast", true},
                   {"TokenizersBackend", true}};
    const char *name = classes[0].name;
    VB_TRY(vb_json_string(&name, file, "tokenizer_class", t->err));
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        t->verbatim = classes[i].verbatim;
        if (strcmp(name, classes[i].name) == 0)
            return VBLIP_OK;
    }
    return vb_json_fail(file, "tokenizer_class", VBLIP_ERR_UNSUPPORTED, t->err,
                        "%.40s, expected BertTokenizer", name);
}

// Accents that nobody decides about go where capitals go.
static vblip_status read_normalization(tokenizer_files *t, vb_json_object object,
                                       const char *lower_key, const char *cjk_key)
{
    bool lower = true, cjk = true;
    VB_TRY(vb_json_bool(&lower, object, lower_key, t->err));
    VB_TRY(vb_json_bool(&cjk, object, cjk_key, t->err));
    bool strip = lower;
    VB_TRY(vb_json_bool(&strip, object, "strip_accents", t->err));
    t->out->keep_case = !lower;
    t->out->keep_accents = !strip;
    t->out->join_ideographs = !cjk;
    return VBLIP_OK;
}

static vblip_status read_tokenizer_config(tokenizer_files *t, vb_json_object file)
{
    VB_TRY(read_class(t, file));
    VB_TRY(check_special_names(file, t->err));
    if (!t->verbatim)
        VB_TRY(read_normalization(t, file, "do_lower_case", "tokenize_chinese_chars"));
    return read_decoder(t, file);
}

// Special tokens that have a name and no id would be given one by the library.
static vblip_status check_extra(tokenizer_files *t, vb_json_object file)
{
    static const char *const keys[] = {"extra_special_tokens",
                                       "additional_special_tokens"};
    for (size_t k = 0; k < 2; k++) {
        const cJSON *list = vb_json_get(file, keys[k]);
        for (const cJSON *c = list ? list->child : NULL; c; c = c->next) {
            const cJSON *text =
                cJSON_IsObject(c) ? cJSON_GetObjectItem(c, "content") : c;
            bool known = false;
            if (!cJSON_IsString(text))
                return vb_json_fail(file, keys[k], VBLIP_ERR_FORMAT, t->err,
                                    "not a list of tokens");
            for (uint32_t i = 0; i < t->out->added_count && !known; i++)
                known = strcmp(t->added[i].text, text->valuestring) == 0;
            if (!known)
                return vb_json_fail(file, keys[k], VBLIP_ERR_UNSUPPORTED, t->err,
                                    "\"%.40s\" has no id: save the tokenizer again "
                                    "with save_pretrained()",
                                    text->valuestring);
        }
    }
    return VBLIP_OK;
}

// -------------------------------------------------------------------------- tokenizer.json

// {"the": 1996, ...}, each id from 0 on once.
static vblip_status read_words(tokenizer_files *t, vb_json_object model)
{
    const cJSON *vocab = vb_json_get(model, "vocab");
    if (!cJSON_IsObject(vocab) || !vocab->child)
        return vb_json_fail(model, "vocab", VBLIP_ERR_FORMAT, t->err,
                            "not an object of words");
    uint32_t count = 0;
    for (const cJSON *c = vocab->child; c; c = c->next)
        count++;
    const char **words = VB_ARENA_NEW(t->arena, const char *, count);
    if (!words)
        return vb_fail_memory(t->err, model.subject);
    for (const cJSON *c = vocab->child; c; c = c->next) {
        uint64_t id;
        if (!vb_json_whole(&id, c) || id >= count || words[id] || !c->string[0])
            return vb_json_fail(model, "vocab", VBLIP_ERR_FORMAT, t->err,
                                "\"%.64s\": expected an id of its own below %u",
                                c->string, count);
        words[id] = vb_arena_string(t->arena, c->string, strlen(c->string));
        if (!words[id])
            return vb_fail_memory(t->err, model.subject);
    }
    t->out->words = words;
    t->out->word_count = count;
    return VBLIP_OK;
}

static vblip_status tokenizer_section(vb_json_object *out, vb_json_object file,
                                      const char *key, vblip_error *err)
{
    *out = (vb_json_object){vb_json_get(file, key), file.subject, key};
    if (!cJSON_IsObject(out->json))
        return vb_json_fail(file, key, VBLIP_ERR_FORMAT, err, "not an object");
    return VBLIP_OK;
}

static vblip_status read_model(tokenizer_files *t, vb_json_object file)
{
    vb_json_object model;
    uint32_t longest = 100;
    VB_TRY(tokenizer_section(&model, file, "model", t->err));
    VB_TRY(vb_json_expect(model, "type", "WordPiece", t->err));
    VB_TRY(vb_json_expect(model, "unk_token", "[UNK]", t->err));
    VB_TRY(vb_json_expect(model, "continuing_subword_prefix", "##", t->err));
    VB_TRY(vb_json_u32(&longest, model, "max_input_chars_per_word", 0, UINT32_MAX,
                       t->err));
    if (longest != 100 && t->verbatim)
        return vb_json_fail(model, "max_input_chars_per_word", VBLIP_ERR_UNSUPPORTED,
                            t->err, "%u, expected 100", longest);
    return read_words(t, model);
}

// A tokenizer without a class of its own normalises as its file says.
static vblip_status read_normalizer(tokenizer_files *t, vb_json_object file)
{
    vb_json_object normalizer, words;
    VB_TRY(tokenizer_section(&normalizer, file, "normalizer", t->err));
    VB_TRY(tokenizer_section(&words, file, "pre_tokenizer", t->err));
    VB_TRY(vb_json_expect(normalizer, "type", "BertNormalizer", t->err));
    VB_TRY(vb_json_expect(words, "type", "BertPreTokenizer", t->err));
    bool clean = true;
    VB_TRY(vb_json_bool(&clean, normalizer, "clean_text", t->err));
    if (!clean)
        return vb_json_fail(normalizer, "clean_text", VBLIP_ERR_UNSUPPORTED, t->err,
                            "false, expected true");
    return read_normalization(t, normalizer, "lowercase", "handle_chinese_chars");
}

static vblip_status read_tokenizer_json(tokenizer_files *t, vb_json_object file)
{
    VB_TRY(read_model(t, file));
    if (t->verbatim)
        VB_TRY(read_normalizer(t, file));
    t->out->named = true;
    const cJSON *list = vb_json_get(file, "added_tokens");
    for (const cJSON *c = list && !t->decoder ? list->child : NULL; c; c = c->next) {
        uint64_t id;
        if (!vb_json_whole(&id, cJSON_GetObjectItemCaseSensitive(c, "id")) ||
            id >= MAX_WORDS)
            return vb_json_fail(file, "added_tokens", VBLIP_ERR_FORMAT, t->err,
                                "a token without an id");
        VB_TRY(read_added(t, file, c, (uint32_t)id));
    }
    return VBLIP_OK;
}

// ------------------------------------------------------------------------ all of them

static bool is_json(const char *path)
{
    const size_t size = strlen(path);
    return size > 5 && strcmp(path + size - 5, ".json") == 0;
}

static vblip_status read_given(tokenizer_files *t, const char *vocab)
{
    bool there;
    t->out->path = vb_arena_string(t->arena, vocab, strlen(vocab));
    if (!t->out->path)
        return vb_fail_memory(t->err, vocab);
    if (!is_json(vocab))
        return VBLIP_OK;
    t->verbatim = true;
    VB_TRY(with_file(t, t->out->path, &there, read_tokenizer_json));
    return there
               ? VBLIP_OK
               : vb_fail(t->err, VBLIP_ERR_IO, "%s: No such file or directory", vocab);
}

// Where the words are, when no tokenizer.json holds them.
static vblip_status find_words(tokenizer_files *t, const char *default_vocab)
{
    const char *path = vb_path_join(t->arena, t->folder, "vocab.txt");
    if (!path)
        return vb_fail_memory(t->err, t->folder);
    bool there;
    VB_TRY(vb_path_exists(&there, path, t->err));
    if (!there)
        path = default_vocab;
    if (!path)
        return vb_fail(t->err, VBLIP_ERR_IO,
                       "%s: no tokenizer.json or vocab.txt: name one with --vocab",
                       t->folder);
    t->out->path = vb_arena_string(t->arena, path, strlen(path));
    return t->out->path ? VBLIP_OK : vb_fail_memory(t->err, path);
}

static vblip_status read_folder(tokenizer_files *t, const char *default_vocab)
{
    char *config = vb_path_join(t->arena, t->folder, "tokenizer_config.json");
    char *added = vb_path_join(t->arena, t->folder, "added_tokens.json");
    char *tokenizer = vb_path_join(t->arena, t->folder, "tokenizer.json");
    bool there;
    if (!config || !added || !tokenizer)
        return vb_fail_memory(t->err, t->folder);
    VB_TRY(with_file(t, config, &there, read_tokenizer_config));
    if (!t->decoder)
        VB_TRY(with_file(t, added, &there, read_added_file));
    VB_TRY(with_file(t, tokenizer, &there, read_tokenizer_json));
    t->out->path = tokenizer;
    if (!there)
        VB_TRY(find_words(t, default_vocab));
    return with_file(t, config, &there, check_extra);
}

vblip_status vb_tokenizer_files_read(vb_vocabulary *out, vb_arena *arena,
                                     const char *folder, const char *vocab,
                                     const char *default_vocab, vblip_error *err)
{
    *out = (vb_vocabulary){0};
    tokenizer_files t = {.arena = arena, .folder = folder, .err = err, .out = out};
    t.added = VB_ARENA_NEW(arena, vb_added_token, MAX_ADDED);
    vblip_status status = t.added ? VBLIP_OK : vb_fail_memory(err, folder);
    if (status == VBLIP_OK)
        status = vocab ? read_given(&t, vocab) : read_folder(&t, default_vocab);
    if (status != VBLIP_OK) {
        *out = (vb_vocabulary){0};
        return status;
    }
    qsort(t.added, out->added_count, sizeof *t.added, by_id);
    out->added = t.added;
    return VBLIP_OK;
}
