// test_weights.c - what is verified of a checkpoint is what is loaded of it; files that
// change on the way are refused.
#include "blip/model_internal.h"
#include "blip/positions.h"
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
        must(vb_weights_load(&weights, device, c, info->tasks, false, &err), &err);
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
        vb_weights_load(&weights, device, c, vb_checkpoint_info(c)->tasks, false, &err);
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

// ------------------------------------------------------------------------- positions

enum {
    OLD_GRID = 4,
    NEW_GRID = 2,
    WIDE_GRID = 6
}; // of tiny-caption's patches, and ours

// A copy of tiny-caption whose processor makes images of `grid` by `grid` patches.
static void copy_with_processor(const char *folder, uint32_t grid)
{
    static const char *const names[] = {"config.json", "model.safetensors",
                                        "vocab.txt"};
    char from[512], path[TEMP_PATH], json[64];
    for (int i = 0; i < 3; i++) {
        snprintf(from, sizeof from, VB_CHECKPOINTS "/tiny-caption/%s", names[i]);
        copy_file(temp_path(path, folder, names[i]), from);
    }
    snprintf(json, sizeof json, "{\"size\":%u}", 16 * grid);
    temp_write(folder, "preprocessor_config.json", json);
}

// The positions that a model at `folder` runs with; `asked` = --image-size, or 0.
static vblip_status load_positions(float *out, uint32_t count, const char *folder,
                                   uint32_t asked, vblip_compat compat,
                                   vblip_error *err)
{
    const vblip_model_options options = {.path = folder, .image_size = asked};
    const vb_model_options how = {.compat = compat};
    vb_device *device;
    vb_checkpoint *c;
    vb_model *model;
    must(ref_device_open(&device, NULL, err), err);
    must(vb_checkpoint_open(&c, &options, err), err);
    vblip_status status = vb_model_load(&model, device, c, &how, err);
    vb_checkpoint_close(&c);
    if (status == VBLIP_OK) {
        const vb_tensor positions = model->weights.vision.positions;
        assert_int_equal(positions.rows * positions.cols, count);
        vb_recorder rec = vb_recorder_begin(device);
        vb_download(&rec, out, positions);
        must(vb_recorder_submit(&rec, err), err);
    }
    vb_model_free(&model);
    vb_device_close(&device);
    return status;
}

// Where nobody asked for a size, the library takes the first rows.
static void test_positions_of_fewer_patches_are_resized_or_the_first(void **state)
{
    (void)state;
    static const struct {
        uint32_t asked;
        vblip_compat compat;
        bool first;
    } rows[] = {
        {0, VBLIP_COMPAT_SALESFORCE, false},
        {0, VBLIP_COMPAT_HF, true},
        {16 * NEW_GRID, VBLIP_COMPAT_SALESFORCE, false},
        {16 * NEW_GRID, VBLIP_COMPAT_HF, false},
    };
    enum { OLD = OLD_GRID * OLD_GRID + 1, NEW = NEW_GRID * NEW_GRID + 1, MOST = 256 };
    static float stored[OLD * MOST], resized[NEW * MOST], used[NEW * MOST];
    char folder[TEMP_FOLDER];
    temp_make(folder);
    copy_with_processor(folder, NEW_GRID);
    vb_checkpoint *c = open_path(folder);
    const vb_weight *w =
        vb_checkpoint_find(c, "vision_model.embeddings.position_embedding");
    const uint32_t width = (uint32_t)w->shape[2];
    vblip_error err = {0};
    assert_true(w->shape[1] == OLD && width <= MOST && w->dtype == VB_F32);
    must(vb_checkpoint_read(c, w, stored, 0, w->size, &err), &err);
    vb_checkpoint_close(&c);
    vb_resize_positions(resized, NEW_GRID, stored, OLD_GRID, width);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        must(load_positions(used, NEW * width, folder, rows[i].asked, rows[i].compat,
                            &err),
             &err);
        assert_memory_equal(used, rows[i].first ? stored : resized,
                            NEW * width * sizeof *used);
    }
    temp_remove(folder);
}

static void test_more_patches_than_positions_must_be_asked_for(void **state)
{
    (void)state;
    enum { SIDE = 16 * WIDE_GRID, TOKENS = WIDE_GRID * WIDE_GRID + 1, WIDTH = 64 };
    static float used[TOKENS * WIDTH];
    char folder[TEMP_FOLDER];
    vblip_error err = {0};
    temp_make(folder);
    copy_with_processor(folder, WIDE_GRID);
    assert_int_equal(
        load_positions(used, TOKENS * WIDTH, folder, 0, VBLIP_COMPAT_HF, &err),
        VBLIP_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, ": images of 96 pixels, but positions for 64, "
                                        "where the library fails: --image-size 96"));
    err = (vblip_error){0};
    must(load_positions(used, TOKENS * WIDTH, folder, SIDE, VBLIP_COMPAT_HF, &err),
         &err);
    must(load_positions(used, TOKENS * WIDTH, folder, 0, VBLIP_COMPAT_SALESFORCE, &err),
         &err);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions_of_fewer_patches_are_resized_or_the_first),
        cmocka_unit_test(test_more_patches_than_positions_must_be_asked_for),
        cmocka_unit_test(test_every_tensor_that_is_verified_is_loaded),
        cmocka_unit_test(test_a_file_that_is_cut_short_while_open_is_refused),
        cmocka_unit_test(test_a_file_that_is_cut_short_while_it_is_opened),
        cmocka_unit_test(test_a_damaged_entry_of_an_archive_is_refused),
    };
    return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}
