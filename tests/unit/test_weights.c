// test_weights.c - what is verified of a checkpoint is what is loaded of it; files that
// change on the way are refused.
#include "blip/weights.h"
#include "formats/zip.h"
#include "support/ref_device.h"
#include "support/temp.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void must(vblip_status status, const vblip_error *err)
{
    if (status != VBLIP_OK)
        fail_msg("%s", err->message);
}

static vb_checkpoint *open_path(const char *path)
{
    const vblip_model_options options = {.path = path};
    vb_checkpoint *c;
    vblip_error err = {0};
    must(vb_checkpoint_open_heads(&c, &options, 16, &err), &err);
    return c;
}

static vb_checkpoint *open_seeded(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, VB_CHECKPOINTS "/%s", name);
    return open_path(path);
}

// `copy`: a tensor that is stored and verified, and not loaded: it is the word embedding.
static const struct seeded {
    const char *name;
    const char *copy; // NULL = none
} seeded[] = {
    {"tiny-retrieval", NULL},
    {"tiny-caption", "text_decoder.cls.predictions.decoder.weight"},
    {"tiny-caption-untied", NULL},
    {"tiny-caption-tied", NULL},
    {"tiny-caption-oldbias", "text_decoder.cls.predictions.decoder.weight"},
    {"tiny-vqa", "text_decoder.cls.predictions.decoder.weight"},
    {"tiny-nlvr", NULL},
};

static void test_every_tensor_that_is_verified_is_loaded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof seeded / sizeof *seeded; i++) {
        vb_device *device;
        vb_weights weights;
        vblip_error err = {0};
        vb_checkpoint *c = open_seeded(seeded[i].name);
        const vblip_model_info *info = vb_checkpoint_info(c);
        uint64_t expected = info->parameters;
        must(ref_device_open(&device, NULL, &err), &err);
        must(vb_weights_load(&weights, device, c, info->tasks, &err), &err);
        if (seeded[i].copy)
            expected -= vb_checkpoint_find(c, seeded[i].copy)->size / 4;
        print_message("  %s\n", seeded[i].name);
        assert_int_equal(ref_device_look(device).loaded, expected);
        vb_weights_free(&weights);
        vb_device_close(&device);
        vb_checkpoint_close(&c);
    }
}

// ----------------------------------------------------------- files that do not stay

static const char *const files[] = {"tiny-caption.safetensors", "tiny-caption.pth",
                                    "tiny-caption-bf16.pth"};
enum { FILES = sizeof files / sizeof *files };

static void copy_file(const char *to, const char *from)
{
    size_t size;
    uint8_t *bytes = temp_read(&size, from);
    temp_write_bytes(to, bytes, size);
    free(bytes);
}

// Copies a file of weights into `folder`, and the vocabulary beside it; gives its path.
static void copy(char path[TEMP_PATH], const char *folder, const char *name)
{
    char from[512];
    copy_file(temp_path(path, folder, "vocab.txt"),
              VB_CHECKPOINTS "/tiny-caption/vocab.txt");
    snprintf(from, sizeof from, VB_CHECKPOINTS "/%s", name);
    copy_file(temp_path(path, folder, name), from);
}

// Loads an open checkpoint: `message` says why not.
static void must_refuse(const vb_checkpoint *c, vblip_status status,
                        const char *message)
{
    vb_device *device;
    vb_weights weights;
    vblip_error err = {0};
    must(ref_device_open(&device, NULL, &err), &err);
    vblip_status got =
        vb_weights_load(&weights, device, c, vb_checkpoint_info(c)->tasks, &err);
    if (got != status || !strstr(err.message, message))
        fail_msg("status %d, message \"%s\"\nexpected %d, \"%s\"", got, err.message,
                 status, message);
    assert_int_equal(ref_device_look(device).alive, 0);
    vb_device_close(&device);
}

// Cut between open and load, wherever: an error, where a mapping would be a signal.
static void test_a_file_that_is_cut_short_while_open_is_refused(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER], path[TEMP_PATH], message[320];
    temp_make(folder);
    for (size_t i = 0; i < FILES; i++)
        for (int part = 0; part < 4; part++) {
            copy(path, folder, files[i]);
            vb_checkpoint *c = open_path(path);
            const uint64_t size = vb_checkpoint_info(c)->file_bytes;
            const uint64_t cut = part < 3 ? size * (uint64_t)part / 3 : size - 1;
            assert_int_equal(truncate(path, (off_t)cut), 0);
            snprintf(message, sizeof message, "%s: %llu bytes, but %llu when it was",
                     path, (unsigned long long)cut, (unsigned long long)size);
            must_refuse(c, VBLIP_ERR_IO, message);
            vb_checkpoint_close(&c);
        }
    temp_remove(folder);
}

typedef struct cutter {
    const char *path;
    off_t size;
    atomic_bool done;
} cutter;

// Makes a file end early and then as late as before, over and over.
static void *cut_again_and_again(void *user)
{
    cutter *c = user;
    for (off_t cut = 0; !c->done; cut = (cut + 4097) % c->size)
        if (truncate(c->path, cut) != 0 || truncate(c->path, c->size) != 0)
            break;
    return NULL;
}

// Cut while its header is read, whenever: an error or none, never a signal.
static void test_a_file_that_is_cut_short_while_it_is_opened(void **state)
{
    (void)state;
    enum { TIMES = 300 };
    char folder[TEMP_FOLDER], path[TEMP_PATH];
    temp_make(folder);
    for (size_t i = 0; i < FILES; i++) {
        copy(path, folder, files[i]);
        struct stat info;
        pthread_t thread;
        assert_int_equal(stat(path, &info), 0);
        cutter c = {.path = path, .size = info.st_size};
        assert_int_equal(pthread_create(&thread, NULL, cut_again_and_again, &c), 0);
        for (int n = 0; n < TIMES; n++) {
            const vblip_model_options options = {.path = path};
            vb_checkpoint *checkpoint = NULL;
            vblip_error err = {0};
            const vblip_status got =
                vb_checkpoint_open_heads(&checkpoint, &options, 16, &err);
            if (got != VBLIP_OK && !strstr(err.message, files[i]))
                fail_msg("\"%s\" does not name its file", err.message);
            vb_checkpoint_close(&checkpoint);
        }
        c.done = true;
        pthread_join(thread, NULL);
    }
    temp_remove(folder);
}

// Where the data of a tensor begins in the bytes of its file.
static size_t data_at(const uint8_t *file, size_t size, const vb_weight *w)
{
    vb_arena arena = {0};
    vb_zip zip;
    const vb_file archive = vb_file_in_memory(file, size);
    assert_int_equal(vb_zip_parse(&zip, &arena, &archive, NULL), VBLIP_OK);
    const vb_zip_entry *entry = vb_zip_find(&zip, w->entry->name);
    const size_t at = entry->at + (w->at - w->entry->at);
    vb_arena_free(&arena);
    return at;
}

// A bit of a tensor that is not as it was written names the entry that it lies in.
static void test_a_damaged_entry_of_an_archive_is_refused(void **state)
{
    (void)state;
    static const char *const tensors[] = {
        "vision_model.embeddings.class_embedding",
        "vision_model.encoder.layers.1.self_attn.qkv.weight",
        "text_decoder.bert.embeddings.word_embeddings.weight",
        "text_decoder.cls.predictions.bias",
    };
    char folder[TEMP_FOLDER], path[TEMP_PATH];
    size_t size;
    temp_make(folder);
    copy(path, folder, "tiny-caption.pth");
    uint8_t *bytes = temp_read(&size, path);
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        for (int last = 0; last < 2; last++) {
            char message[400];
            vb_checkpoint *c = open_path(path);
            const vb_weight *w = vb_checkpoint_find(c, tensors[i]);
            assert_non_null(w->entry);
            snprintf(message, sizeof message, "%s: %s: CRC-32 ", path, w->entry->name);
            const size_t data = data_at(bytes, size, w);
            const size_t at = data + (last ? w->size - 1 : 0);
            vb_checkpoint_close(&c);

            bytes[at] ^= 1;
            temp_write_bytes(path, bytes, size);
            c = open_path(path);
            must_refuse(c, VBLIP_ERR_FORMAT, message);
            vb_checkpoint_close(&c);
            bytes[at] ^= 1;
            temp_write_bytes(path, bytes, size);
        }
    free(bytes);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_tensor_that_is_verified_is_loaded),
        cmocka_unit_test(test_a_file_that_is_cut_short_while_open_is_refused),
        cmocka_unit_test(test_a_file_that_is_cut_short_while_it_is_opened),
        cmocka_unit_test(test_a_damaged_entry_of_an_archive_is_refused),
    };
    return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}
