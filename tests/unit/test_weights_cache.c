// test_weights_cache.c - weights that the processor keeps are those that it would lay out
// anew, and it lays them out anew whenever they may be others.
#include "cpu/cpu.h"

#include "compute/pool.h"
#include "compute/recorder.h"
#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    WORDS = 600,
    WIDTH = 72,
    ROWS = 3,
    MATRICES = 3
}; // panels of 256, the last smaller

static const vb_weights_origin origin = {.place = 0x1234, .content = 5};
static const uint32_t uses_of[MATRICES] = {VB_USE_LINEAR, VB_USE_LINEAR | VB_USE_ROWS,
                                           VB_USE_ROWS};

static float values[WORDS * WIDTH];
static char folder[TEMP_PATH], log_text[4096];
static unsigned prepared; // blocks since the device was opened

static void on_line(void *user, const char *line)
{
    (void)user;
    strncat(log_text, line, sizeof log_text - strlen(log_text) - 2);
    strcat(log_text, "\n");
}

static vb_device *open_keeping(const char *precision)
{
    vb_device *device;
    vblip_error err = {0};
    const vb_cpu_options options = {.threads = 2,
                                    .precision = precision,
                                    .untested = true,
                                    .weights_dir = folder,
                                    .log = {.fn = on_line}};
    log_text[0] = '\0';
    prepared = 0;
    if (vb_cpu_open(&device, &options, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    return device;
}

static vblip_status note_prepared(const void *source, vblip_error *err)
{
    (void)source, (void)err;
    prepared++;
    return VBLIP_OK;
}

// What ops make of one matrix: rows of it, and a product with it, as far as it has them.
typedef struct outcome {
    float rows[WORDS * WIDTH], product[ROWS * WORDS];
} outcome;

static void run_matrix(outcome *out, vb_device *device, vb_matrix *w, uint32_t uses)
{
    vb_pool pool = {.device = device, .name = "test"};
    static const float zeros[WORDS * WIDTH];
    int32_t ids[WORDS];
    vb_tensor x, y, z, chosen, positions;
    for (int32_t i = 0; i < WORDS; i++)
        ids[i] = i;
    assert_int_equal(vb_pool_tensor(&x, &pool, VB_F32, 1, ROWS, WIDTH, NULL), VBLIP_OK);
    assert_int_equal(vb_pool_tensor(&y, &pool, VB_F32, 1, ROWS, WORDS, NULL), VBLIP_OK);
    assert_int_equal(vb_pool_tensor(&z, &pool, VB_F32, 1, WORDS, WIDTH, NULL),
                     VBLIP_OK);
    assert_int_equal(vb_pool_tensor(&chosen, &pool, VB_I32, 1, 1, WORDS, NULL),
                     VBLIP_OK);
    assert_int_equal(vb_pool_tensor(&positions, &pool, VB_F32, 1, WORDS, WIDTH, NULL),
                     VBLIP_OK);
    memset(out, 0, sizeof *out);
    vb_recorder rec = vb_recorder_begin(device);
    vb_upload(&rec, x, values);
    vb_upload(&rec, chosen, ids);
    vb_upload(&rec, positions, zeros);
    if (uses & VB_USE_LINEAR) {
        vb_linear(&rec, .y = y, .x = x, .w = w);
        vb_download(&rec, out->product, y);
    }
    if (uses & VB_USE_ROWS) {
        vb_embed(&rec, .y = z, .ids = chosen, .words = w, .positions = positions);
        vb_download(&rec, out->rows, z);
    }
    assert_int_equal(vb_recorder_submit(&rec, NULL), VBLIP_OK);
    vb_pool_free(&pool);
}

// Makes the matrices of a model of this origin, and tells what ops make of them. They
// outlive the loading, as those of a model do.
static void load(outcome out[MATRICES], vb_device *device, vb_weights_origin from)
{
    vb_matrix *matrices[MATRICES];
    vb_weights_begin(device, from);
    for (int i = 0; i < MATRICES; i++) {
        char name[16];
        vb_matrix_block block = vb_matrix_in_memory(values, VB_F32, WORDS);
        block.prepare = note_prepared;
        snprintf(name, sizeof name, "w%d", i);
        assert_int_equal(vb_matrix_make(&matrices[i], device, &block, 1, WIDTH,
                                        uses_of[i], name, NULL),
                         VBLIP_OK);
    }
    vb_weights_end(device, true);
    for (int i = 0; i < MATRICES; i++) {
        run_matrix(&out[i], device, matrices[i], uses_of[i]);
        vb_matrix_free(&matrices[i]);
    }
}

static void load_and_close(outcome out[MATRICES], const char *precision,
                           vb_weights_origin from)
{
    vb_device *device = open_keeping(precision);
    load(out, device, from);
    vb_device_close(&device);
}

static char *kept_path(char out[TEMP_PATH], const char *precision)
{
    char name[64];
    snprintf(name, sizeof name, "weights-%016llx-%s.cache",
             (unsigned long long)origin.place, precision);
    temp_path(out, folder, name);
    return out;
}

static int set_up(void **state)
{
    const int status = temp_setup(state);
    temp_path(folder, temp_folder, "cache");
    for (int i = 0; i < WORDS * WIDTH; i++)
        values[i] = (float)(i * 7919 % 1009) / 512 - 1;
    return status;
}

static const char *const precisions[] = {"f32", "bf16"};

static bool has_precision(const char *precision)
{
    vb_device *device;
    const vb_cpu_options options = {
        .threads = 1, .precision = precision, .untested = true};
    const bool has = vb_cpu_open(&device, &options, NULL) == VBLIP_OK;
    vb_device_close(&device);
    return has;
}

static void test_kept_weights_are_the_same(void **state)
{
    (void)state;
    static outcome want[MATRICES], got[MATRICES];
    for (size_t p = 0; p < 2 && has_precision(precisions[p]); p++) {
        char path[TEMP_PATH];
        load_and_close(want, precisions[p], origin);
        assert_int_equal(prepared, MATRICES);
        assert_non_null(strstr(log_text, "weights: kept for the next start: "));
        struct stat facts;
        assert_int_equal(stat(kept_path(path, precisions[p]), &facts), 0);
        assert_int_equal(facts.st_mode & 0777, 0600);
        load_and_close(got, precisions[p], origin);
        assert_int_equal(prepared, 0); // nothing was read of the checkpoint
        assert_non_null(strstr(log_text, "weights: as they were laid out before: "));
        assert_null(strstr(log_text, "kept for"));
        assert_memory_equal(got, want, sizeof want);
    }
}

static void test_other_weights_are_laid_out_anew(void **state)
{
    (void)state;
    static outcome out[MATRICES];
    const vb_weights_origin changed = {origin.place, origin.content + 1};
    load_and_close(out, "f32", origin);
    load_and_close(out, "f32", changed);
    assert_int_equal(prepared, MATRICES);
    assert_non_null(strstr(log_text, "laid out anew: "));
    assert_non_null(strstr(log_text, "of other weights"));
    load_and_close(out, "f32", changed);
    assert_int_equal(prepared, 0);
    load_and_close(out, "f32", (vb_weights_origin){0}); // of no file
    assert_int_equal(prepared, MATRICES);
    assert_null(strstr(log_text, "weights: "));
}

// A byte of the first matrix flipped: that one alone is laid out anew, and the file mended.
static void test_a_file_that_lies_is_found(void **state)
{
    (void)state;
    static outcome want[MATRICES], got[MATRICES];
    char path[TEMP_PATH];
    size_t size;
    load_and_close(want, "f32", origin);
    uint8_t *bytes = temp_read(&size, kept_path(path, "f32"));
    bytes[4096 + 100] ^= 4;
    temp_write_bytes(path, bytes, size);
    free(bytes);
    load_and_close(got, "f32", origin);
    assert_int_equal(prepared, 1);
    assert_non_null(strstr(log_text, "w0: wrong checksum"));
    assert_memory_equal(got, want, sizeof want);
    load_and_close(got, "f32", origin);
    assert_int_equal(prepared, 0);
    assert_memory_equal(got, want, sizeof want);
}

static void test_a_failed_load_keeps_nothing(void **state)
{
    (void)state;
    char path[TEMP_PATH];
    vb_device *device = open_keeping("f32");
    vb_matrix *w;
    const vb_matrix_block block = vb_matrix_in_memory(values, VB_F32, WORDS);
    unlink(kept_path(path, "f32"));
    vb_weights_begin(device, origin);
    assert_int_equal(
        vb_matrix_make(&w, device, &block, 1, WIDTH, VB_USE_LINEAR, "w", NULL),
        VBLIP_OK);
    vb_weights_end(device, false);
    vb_matrix_free(&w);
    vb_device_close(&device);
    assert_int_not_equal(access(path, F_OK), 0);
}

// What is no file of ours stays, also a pipe, whose opening would wait for a reader; half
// files of programs that are gone do not.
static void test_what_else_is_in_the_folder(void **state)
{
    (void)state;
    static outcome out[MATRICES];
    char path[TEMP_PATH], left[TEMP_PATH], ours[TEMP_PATH];
    char name[64];
    load_and_close(out, "f32", origin);
    unlink(kept_path(path, "f32"));
    assert_int_equal(mkfifo(path, 0600), 0);
    temp_write(folder, ".vblip-999999999-0.tmp", "half");
    snprintf(name, sizeof name, ".vblip-%d-7.tmp", (int)getpid());
    temp_write(folder, name, "being written");
    load_and_close(out, "f32", origin);
    assert_non_null(strstr(log_text, "weights: not kept: "));
    assert_non_null(strstr(log_text, "not a regular file"));
    temp_path(left, folder, ".vblip-999999999-0.tmp");
    temp_path(ours, folder, name);
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_equal(access(ours, F_OK), 0);
    unlink(ours);
    unlink(path);
}

static void test_a_folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    static outcome out[MATRICES];
    temp_write(temp_folder, "file", "");
    temp_path(folder, temp_folder, "file/cache");
    load_and_close(out, "f32", origin);
    assert_int_equal(prepared, MATRICES);
    assert_non_null(strstr(log_text, "weights: not kept: "));
    temp_path(folder, temp_folder, "cache");
}

// A second model is loaded as the first was; the file is let go of with its last matrix.
static void test_two_models_share_a_device(void **state)
{
    (void)state;
    static outcome want[MATRICES], got[MATRICES];
    load_and_close(want, "f32", origin);
    vb_device *device = open_keeping("f32");
    load(got, device, origin);
    assert_memory_equal(got, want, sizeof want);
    load(got, device, origin);
    assert_int_equal(prepared, 0);
    assert_memory_equal(got, want, sizeof want);
    vb_device_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_weights_are_the_same),
        cmocka_unit_test(test_other_weights_are_laid_out_anew),
        cmocka_unit_test(test_a_file_that_lies_is_found),
        cmocka_unit_test(test_a_failed_load_keeps_nothing),
        cmocka_unit_test(test_what_else_is_in_the_folder),
        cmocka_unit_test(test_a_folder_that_cannot_be_made_is_told),
        cmocka_unit_test(test_two_models_share_a_device),
    };
    return cmocka_run_group_tests(tests, set_up, temp_teardown);
}
