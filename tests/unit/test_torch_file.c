// test_torch_file.c - files of the real torch.save are read right, or refused by name.
#include "base/file.h"
#include "blip/torch_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A file of tests/data/torch in memory of its exact size, so that ASan sees a read one
// byte past the end.
typedef struct file {
    uint8_t *bytes;
    size_t size;
} file;

static file load(const char *name)
{
    char path[512], *text;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", VB_TORCH_DATA, name);
    assert_int_equal(vb_file_read(&text, &size, path, 1 << 20, NULL), VBLIP_OK);
    file f = {.bytes = malloc(size), .size = size};
    assert_non_null(f.bytes);
    memcpy(f.bytes, text, size);
    free(text);
    return f;
}

// --------------------------------------------------------------------------- good files

typedef struct tensor {
    const char *name;
    vb_dtype dtype;
    int first; // element i is first + i (make_torch.py)
    uint32_t rank;
    uint64_t shape[VB_MAX_RANK];
} tensor;

static double element(const vb_weight *w, size_t i)
{
    if (w->dtype == VB_I64) {
        int64_t whole;
        memcpy(&whole, w->data + i * sizeof whole, sizeof whole);
        return (double)whole;
    }
    float value;
    vb_widen(&value, w->data + i * vb_dtype_size(w->dtype), w->dtype, 1);
    return (double)value;
}

static void compare(const char *name, const vb_weight_list *list, const tensor *t)
{
    const vb_weight *w = vb_weight_find(list, t->name);
    if (!w)
        fail_msg("%s: no %s", name, t->name);
    size_t count = 1;
    for (uint32_t i = 0; i < t->rank; i++)
        count *= (size_t)t->shape[i];
    if (w->dtype != t->dtype || w->rank != t->rank ||
        memcmp(w->shape, t->shape, t->rank * sizeof *t->shape) != 0 ||
        w->size != count * vb_dtype_size(t->dtype))
        fail_msg("%s: %s: type %s, rank %u, %zu bytes", name, t->name,
                 vb_dtype_name(w->dtype), w->rank, w->size);
    for (size_t i = 0; i < count; i++)
        if (element(w, i) != (double)t->first + (double)i)
            fail_msg("%s: %s: element %zu is %g", name, t->name, i, element(w, i));
}

static void check_good(const char *name, const tensor *tensors, size_t count)
{
    file f = load(name);
    vb_arena arena = {0};
    vb_weight_list list;
    vblip_error err = {0};
    if (vb_torch_parse(&list, &arena, f.bytes, f.size, &err) != VBLIP_OK)
        fail_msg("%s: %s", name, err.message);
    assert_int_equal(list.count, count);
    for (size_t i = 0; i < count; i++)
        compare(name, &list, &tensors[i]);
    vb_arena_free(&arena);
    free(f.bytes);
}

#define CHECK_GOOD(name, tensors)                                                      \
    check_good(name, tensors, sizeof(tensors) / sizeof *(tensors))

static void test_reads_state_dicts_of_every_layout_and_type(void **state)
{
    (void)state;
    static const struct layout {
        const char *name;
        vb_dtype dtype;
    } layouts[] = {{"state_dict.bin", VB_F32},
                   {"training.pth", VB_F32},
                   {"half.pth", VB_F16},
                   {"bfloat16.pth", VB_BF16}};
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        vb_dtype dtype = layouts[i].dtype;
        const tensor tensors[] = {
            {"visual_encoder.cls_token", dtype, 1, 3, {1, 1, 4}},
            {"visual_encoder.patch_embed.proj.weight", dtype, 10, 4, {2, 3, 2, 2}},
            {"text_encoder.embeddings.position_ids", VB_I64, 0, 2, {1, 8}},
            {"itm_head.bias", dtype, 40, 1, {2}},
            {"queue_ptr", VB_I64, 7, 1, {1}},
            {"temp", dtype, 3, 0, {0}},
        };
        CHECK_GOOD(layouts[i].name, tensors);
    }
}

static void test_reads_tied_tensors_and_views_of_one_storage(void **state)
{
    (void)state;
    static const tensor tensors[] = {
        {"word_embeddings.weight", VB_F32, 0, 2, {6, 4}},
        {"decoder.weight", VB_F32, 0, 2, {6, 4}},
        {"bias", VB_F32, 110, 1, {2}},
        {"rows", VB_F32, 104, 2, {3, 2}},
        {"whole", VB_F32, 100, 2, {8, 2}},
        {"column", VB_F32, 103, 1, {1}},
    };
    CHECK_GOOD("tied.pth", tensors);
}

static void test_reads_parameters(void **state)
{
    (void)state;
    static const tensor tensors[] = {
        {"a", VB_F32, 20, 2, {2, 2}},
        {"b", VB_F32, 30, 1, {3}},
    };
    CHECK_GOOD("parameters.bin", tensors);
}

static void test_passes_over_what_lies_beside_the_model(void **state)
{
    (void)state;
    static const tensor tensors[] = {{"w", VB_F32, 5, 1, {3}}};
    CHECK_GOOD("junk.pth", tensors);
}

// ------------------------------------------------------------------------- refused files

static const struct refused {
    const char *name;
    vblip_status status;
    const char *message;
} refused[] = {
    {"system.pth", VBLIP_ERR_FORMAT,
     "system/data.pkl: byte 713: global posix system is not allowed: nothing in a "
     "checkpoint is executed"},
    {"numpy.pth", VBLIP_ERR_FORMAT,
     "numpy/data.pkl: byte 711: global numpy._core.multiarray scalar is not allowed: "
     "nothing in a checkpoint is executed"},
    {"sparse.pth", VBLIP_ERR_FORMAT,
     "sparse/data.pkl: byte 28: global torch._utils _rebuild_sparse_tensor is not "
     "allowed: nothing in a checkpoint is executed"},
    {"float8.pth", VBLIP_ERR_FORMAT,
     "float8/data.pkl: byte 28: global torch._utils _rebuild_tensor_v3 is not allowed: "
     "nothing in a checkpoint is executed"},
    {"protocol4.pth", VBLIP_ERR_FORMAT,
     "protocol4/data.pkl: byte 0: PROTO: protocol 4, expected 2"},
    {"transposed.pth", VBLIP_ERR_FORMAT,
     "turned: dimension 1 has stride 3, expected 1: not contiguous"},
    {"double.pth", VBLIP_ERR_UNSUPPORTED, "w: type F64, expected F32, F16 or BF16"},
    {"rank5.pth", VBLIP_ERR_FORMAT, "w: 5 dimensions, at most 4 expected"},
    {"empty_tensor.pth", VBLIP_ERR_FORMAT, "w: dimension 1 is 0"},
    {"epochs.pth", VBLIP_ERR_FORMAT,
     "state_dict: not a tensor, and no dict under the key \"model\""},
    {"number.pth", VBLIP_ERR_FORMAT, "count: not a tensor"},
    {"list.pth", VBLIP_ERR_FORMAT, "list/data.pkl: the object is not a dict"},
    {"legacy.pth", VBLIP_ERR_UNSUPPORTED,
     "written by torch before 1.6; to convert it, with a newer torch: "
     "torch.save(torch.load(FILE, map_location=\"cpu\"), NEW)"},
    {"script.pt", VBLIP_ERR_UNSUPPORTED,
     "a TorchScript archive, expected the state dict: "
     "torch.save(torch.jit.load(FILE).state_dict(), NEW)"},
    {"compressed.pth", VBLIP_ERR_UNSUPPORTED,
     "half/.data/serialization_id: compressed (method 8), expected stored bytes"},
};

static void check_refused(const char *name, const file *f, vblip_status status,
                          const char *message)
{
    vb_arena arena = {0};
    vb_weight_list list;
    vblip_error err = {0};
    vblip_status s = vb_torch_parse(&list, &arena, f->bytes, f->size, &err);
    if (s != status || strcmp(err.message, message) != 0 || list.count != 0)
        fail_msg("%s: status %d, message \"%s\"", name, s, err.message);
    vb_arena_free(&arena);
}

static void test_refuses_what_it_does_not_read_and_says_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        file f = load(refused[i].name);
        check_refused(refused[i].name, &f, refused[i].status, refused[i].message);
        free(f.bytes);
    }
}

// Cut anywhere, a file says where it ends.
static void test_refuses_every_truncation(void **state)
{
    (void)state;
    file f = load("training.pth");
    for (size_t size = 0; size < f.size; size++) {
        file cut = {.bytes = malloc(size ? size : 1), .size = size};
        assert_non_null(cut.bytes);
        memcpy(cut.bytes, f.bytes, size);
        char message[128];
        if (size < 4)
            snprintf(message, sizeof message, "%zu bytes that are not a zip archive",
                     size);
        else
            snprintf(message, sizeof message,
                     "ends at byte %zu without the directory of the zip archive: the "
                     "file is cut short",
                     size);
        check_refused("training.pth", &cut, VBLIP_ERR_FORMAT, message);
        free(cut.bytes);
    }
    free(f.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_state_dicts_of_every_layout_and_type),
        cmocka_unit_test(test_reads_tied_tensors_and_views_of_one_storage),
        cmocka_unit_test(test_reads_parameters),
        cmocka_unit_test(test_passes_over_what_lies_beside_the_model),
        cmocka_unit_test(test_refuses_what_it_does_not_read_and_says_why),
        cmocka_unit_test(test_refuses_every_truncation),
    };
    return cmocka_run_group_tests_name("torch_file", tests, NULL, NULL);
}
