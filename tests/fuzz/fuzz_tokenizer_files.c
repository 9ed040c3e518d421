// fuzz_tokenizer_files.c - no files of a tokenizer or a processor may crash, leak, or make
// a vocabulary or images that lie.
#include "checkpoint/config.h"
#include "checkpoint/tokenizer_files.h"
#include "tokenizer/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES = 5, PROCESSOR = 4, MAX_PATH = 96 };

static const char *const names[FILES] = {"tokenizer.json", "tokenizer_config.json",
                                         "added_tokens.json", "vocab.txt",
                                         "processor_config.json"};

static void must(bool holds)
{
    if (!holds)
        abort();
}

// The text of every token must tokenize, and what comes out must be ids that decode.
static void use_vocabulary(const vb_vocab *vocab)
{
    vb_ids ids = {0};
    vb_string text = {0};
    for (uint32_t id = 0; id < vb_vocab_size(vocab); id++) {
        const char *token = vb_vocab_token(vocab, (int32_t)id);
        must(vb_tokenize(&ids, vocab, token, strlen(token), 0, NULL) == VBLIP_OK);
        for (uint32_t i = 0; i < ids.count; i++)
            must(ids.ids[i] >= 0 && (uint32_t)ids.ids[i] < vb_vocab_size(vocab));
        must(vb_detokenize(&text, vocab, ids.ids, ids.count, NULL) == VBLIP_OK);
        must(vb_detokenize_fast(&text, vocab, ids.ids, ids.count, NULL) == VBLIP_OK);
        must(vb_utf8_valid(text.bytes, text.size));
        vb_string_clear(&text);
    }
    vb_ids_free(&ids);
    vb_string_free(&text);
}

static void read_tokenizer(const char *folder)
{
    vb_arena arena = {0};
    vb_vocabulary about;
    vb_vocab *vocab = NULL;
    vblip_error err = {0};
    vblip_status status =
        vb_tokenizer_files_read(&about, &arena, folder, NULL, NULL, &err);
    if (status == VBLIP_OK) {
        for (uint32_t i = 1; i < about.added_count; i++)
            must(about.added[i - 1].id < about.added[i].id);
        status = vb_vocab_make(&vocab, &about, &err);
    }
    must((status == VBLIP_OK) == (vocab != NULL));
    must((status == VBLIP_OK) == (err.message[0] == '\0'));
    vb_arena_free(&arena); // a vocabulary keeps nothing of the files
    if (vocab)
        use_vocabulary(vocab);
    vb_vocab_free(&vocab);
}

static void read_processor(const char *json, size_t size)
{
    vb_config_file c = vb_config_defaults();
    bool found;
    if (vb_config_parse_processor(&c, &found, json, size, "p", NULL) != VBLIP_OK)
        return;
    const vb_vision_config *v = &c.vision;
    must(v->image_size && v->image_size <= VB_MAX_IMAGE);
    must(v->image_size % v->patch_size == 0);
    for (int i = 0; i < 3; i++)
        must(c.deviation[i] > 0 && c.mean[i] == c.mean[i]);
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    must(file && fwrite(data, 1, size, file) == size);
    must(fclose(file) == 0);
}

// NULs split the input into the files, in the order of `names`; an empty one is not there.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[] = "/tmp/vblip-fuzz-tokenizer-XXXXXX", paths[FILES][MAX_PATH];
    must(mkdtemp(folder) != NULL);
    for (int i = 0; i < FILES; i++) {
        const uint8_t *end = size ? memchr(data, 0, size) : NULL;
        const size_t length = end && i + 1 < FILES ? (size_t)(end - data) : size;
        snprintf(paths[i], MAX_PATH, "%s/%s", folder, names[i]);
        if (length)
            write_file(paths[i], data, length);
        if (i == PROCESSOR && length) {
            char *copy = malloc(length); // exact size: ASan guards both ends
            must(copy != NULL);
            memcpy(copy, data, length);
            read_processor(copy, length);
            free(copy);
        }
        const size_t step = length + (length < size);
        data = size ? data + step : data;
        size -= step;
    }
    read_tokenizer(folder);
    for (int i = 0; i < FILES; i++)
        unlink(paths[i]);
    rmdir(folder);
    return 0;
}
