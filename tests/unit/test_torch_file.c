// test_torch_file.c - files of the real torch.save are read right, or refused by name.
#include "formats/torch_file.h"
#include "formats/zip.h"
#include "support/temp.h"
#include "support/tensor_file.h"
#include "support/zip_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

// Pickles as string literals, in the words of torch.save. A view is a shape and strides.
#define P            "\200\2" // PROTO 2
#define NAME(letter) "X\1\0\0\0" letter
#define ORDERED_DICT "ccollections\nOrderedDict\n)R"
#define ID(class, key, count)                                                          \
    "X\7\0\0\0storagectorch\n" class "\n" key "X\3\0\0\0cpu" count
#define STORAGE(class, key, count)    "(" ID(class, key, count) "tQ"
#define FLOATS                        STORAGE("FloatStorage", NAME("0"), "K\6")
#define REBUILD(arguments)            "ctorch._utils\n_rebuild_tensor_v2\n(" arguments "tR"
#define TENSOR(storage, offset, view) REBUILD(storage offset view "\211" ORDERED_DICT)
#define TWO_BY_THREE                  "K\2K\3\206K\3K\1\206"
#define GOOD                          TENSOR(FLOATS, "K\0", TWO_BY_THREE)
#define MODEL(items)                  P "}X\5\0\0\0model}(" items "us."
#define W(tensor)                     MODEL(NAME("w") tensor)
#define W_AT(offset, view)            W(TENSOR(FLOATS, offset, view))
#define W_IN(storage)                 W(TENSOR(storage, "K\0", TWO_BY_THREE))
#define W_ID(id)                      W_IN("(" id "tQ")
#define BYTES(literal)                (literal), sizeof(literal) - 1

// A file of tests/data/torch.
typedef struct file {
    uint8_t *bytes;
    size_t size;
} file;

static file load(const char *name)
{
    char path[512];
    file f;
    snprintf(path, sizeof path, "%s/%s", VB_TORCH_DATA, name);
    f.bytes = temp_read(&f.size, path);
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
        memcpy(&whole, tensor_bytes(w) + i * sizeof whole, sizeof whole);
        return (double)whole;
    }
    float value;
    vb_widen(&value, tensor_bytes(w) + i * vb_dtype_size(w->dtype), w->dtype, 1);
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
    const vb_file archive = vb_file_in_memory(f.bytes, f.size);
    if (vb_torch_parse(&list, &arena, &archive, &err) != VBLIP_OK)
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

// Objects of any class beside the weights, and weights under another key.
static void test_reads_weights_beside_foreign_objects(void **state)
{
    (void)state;
    static const char *const names[] = {"system.pth", "numpy.pth", "protocol4.pth",
                                        "epochs.pth"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file f = load(names[i]);
        vb_arena arena = {0};
        vb_weight_list list;
        vblip_error err = {0};
        const vb_file archive = vb_file_in_memory(f.bytes, f.size);
        if (vb_torch_parse(&list, &arena, &archive, &err) != VBLIP_OK)
            fail_msg("%s: %s", names[i], err.message);
        assert_true(list.count > 0);
        for (size_t w = 0; w < list.count; w++)
            assert_null(list.weights[w].unreadable);
        vb_arena_free(&arena);
        free(f.bytes);
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

// Pages of weights that may not be touched.
static void test_reads_no_weights(void **state)
{
    (void)state;
    enum { PAGE = 1 << 16, SIZE = 4 * PAGE };
    char *zeros = calloc(1, SIZE);
    assert_non_null(zeros);
    static const char pickle[] = W(TENSOR(
        STORAGE("ByteStorage", NAME("0"), "J\0\0\4\0"), "K\0", "J\0\0\4\0\205K\1\205"));
    zip_writer zip = {.layout = ZIP_FOLLOW};
    zip_add(&zip, "m/data/0", zeros, SIZE);
    zip_add(&zip, "m/data.pkl", pickle, sizeof pickle - 1);
    zip_add(&zip, "m/version", "3\n", 2);
    zip_end(&zip, "");
    uint8_t *bytes = aligned_alloc(PAGE, SIZE + PAGE);
    assert_non_null(bytes);
    memcpy(bytes, zip.bytes.bytes, zip.bytes.size);
    assert_int_equal(mprotect(bytes + PAGE, 2 * PAGE, PROT_NONE), 0);
    vb_arena arena = {0};
    vb_weight_list list;
    const vb_file archive = vb_file_in_memory(bytes, zip.bytes.size);
    assert_int_equal(vb_torch_parse(&list, &arena, &archive, NULL), VBLIP_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.weights[0].size, SIZE);
    vb_arena_free(&arena);
    assert_int_equal(mprotect(bytes + PAGE, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
    free(bytes);
    zip_free(&zip);
    free(zeros);
}

// ------------------------------------------------------------------------- refused files

static const struct refused {
    const char *name;
    vblip_status status;
    const char *message;
} refused[] = {
    {"sparse.pth", VBLIP_ERR_FORMAT,
     "no tensors in sparse/data.pkl (w: made by torch._utils _rebuild_sparse_tensor, "
     "which is not read), nor under model, state_dict, model_state_dict or module: "
     "torch.save(model.state_dict(), NEW)"},
    {"float8.pth", VBLIP_ERR_FORMAT,
     "no tensors in float8/data.pkl (w: made by torch._utils _rebuild_tensor_v3, which "
     "is not read), nor under model, state_dict, model_state_dict or module: "
     "torch.save(model.state_dict(), NEW)"},
    {"rank5.pth", VBLIP_ERR_FORMAT, "w: 5 dimensions, at most 4 expected"},
    {"empty_tensor.pth", VBLIP_ERR_FORMAT, "w: dimension 1 is 0"},
    {"number.pth", VBLIP_ERR_FORMAT, "count: a number, expected a tensor"},
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
    const vb_file archive = vb_file_in_memory(f->bytes, f->size);
    vblip_status s = vb_torch_parse(&list, &arena, &archive, &err);
    for (size_t i = 0; i < list.count; i++) // refused when it is needed
        if (list.weights[i].unreadable)
            s = vb_fail(&err, status, "%s: %s", list.weights[i].name,
                        list.weights[i].unreadable);
    if (s != status || strcmp(err.message, message) != 0)
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

// ------------------------------------------------------------------ refused, made by hand

static const float six[] = {0, 1, 2, 3, 4, 5};

// An archive around a pickle, as torch.save lays it out.
static zip_writer wrap(const char *pickle, size_t size)
{
    zip_writer zip = {.layout = ZIP_FOLLOW};
    zip_add(&zip, "m/data.pkl", pickle, size);
    zip_add(&zip, "m/byteorder", "little", 6);
    zip_add(&zip, "m/data/0", six, sizeof six);
    zip_add(&zip, "m/version", "3\n", 2);
    zip_end(&zip, "");
    return zip;
}

static vblip_status parse(vb_weight_list *list, vb_arena *arena, const zip_writer *zip,
                          vblip_error *err)
{
    const vb_file archive = vb_file_in_memory(zip->bytes.bytes, zip->bytes.size);
    return vb_torch_parse(list, arena, &archive, err);
}

// Zeroes the checksum of every entry, or of the first, in the directory.
static void drop_checksums(zip_writer *zip, bool all)
{
    char *bytes = zip->bytes.bytes;
    for (size_t at = 0; at + 46 <= zip->bytes.size; at++)
        if (memcmp(bytes + at, "PK\1\2", 4) == 0) {
            memset(bytes + at + 16, 0, 4);
            if (!all)
                return;
        }
}

// torch writes zeros for all of them after set_crc32_options(False).
static void test_an_archive_without_checksums_is_read(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++) {
        static const char pickle[] = W(GOOD);
        zip_writer zip = wrap(pickle, sizeof pickle - 1);
        vb_arena arena = {0};
        vb_weight_list list;
        vblip_error err = {0};
        drop_checksums(&zip, all);
        assert_int_equal(parse(&list, &arena, &zip, &err),
                         all ? VBLIP_OK : VBLIP_ERR_FORMAT);
        if (!all)
            assert_non_null(strstr(err.message, "expected 00000000: the file is"));
        vb_arena_free(&arena);
        zip_free(&zip);
    }
}

static void test_reads_what_the_refusals_are_made_of(void **state)
{
    (void)state;
    static const struct good {
        const char *bytes;
        size_t size, count;
    } goods[] = {
        {BYTES(W(GOOD)), 1},
        {BYTES(P "}."), 0},
        {BYTES(P "}X\5\0\0\0model}s."), 0},
        {BYTES(P "}(" NAME("w") GOOD NAME("v") GOOD "u."), 2},
        {BYTES(P "}X\5\0\0\0model" GOOD "s."), 1}, // a tensor of that name
        // the stride of a dimension of 1 says nothing
        {BYTES(W_AT("K\0", "K\1K\6K\1\207K\0K\1K\77\207")), 1},
        {BYTES(W_AT("K\5", "))")), 1},
        // other strides: transposed, overlapping, expanded
        {BYTES(W_AT("K\0", "K\2K\3\206K\1K\2\206")), 1},
        {BYTES(W_AT("K\0", "K\2K\3\206K\1K\1\206")), 1},
        {BYTES(W_AT("K\0", "K\6\205K\0\205")), 1},
        {BYTES(W_AT("K\0", "ctorch\nSize\nK\6\205\205RK\1\205")), 1},
    };
    for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
        zip_writer zip = wrap(goods[i].bytes, goods[i].size);
        vb_arena arena = {0};
        vb_weight_list list;
        vblip_error err = {0};
        if (parse(&list, &arena, &zip, &err) != VBLIP_OK ||
            list.count != goods[i].count)
            fail_msg("%zu: %zu tensors, %s", i, list.count, err.message);
        vb_arena_free(&arena);
        zip_free(&zip);
    }
}

static const struct bad_object {
    const char *message, *bytes;
    size_t size;
} bad_objects[] = {
    // the dict
    {"m/data.pkl: ends at byte 3 without STOP", BYTES(P "}")},
    {"m/data.pkl: the object is not a dict", BYTES(P ").")},
    {"m/data.pkl: the key \"model\" is there twice",
     BYTES(P "}(X\5\0\0\0model}X\5\0\0\0model}u.")},
    {"a tensor whose name is not a string", BYTES(MODEL("K\1" GOOD))},
    {"a tensor with a name of 0 bytes", BYTES(MODEL("X\0\0\0\0" GOOD))},
    {"a tensor whose name has control characters", BYTES(MODEL(NAME("\33") GOOD))},
    {"a tensor whose name has control characters", BYTES(MODEL(NAME("\0") GOOD))},
    {"w: two tensors of that name", BYTES(W(GOOD NAME("v") GOOD NAME("w") GOOD))},
    {"no tensors in m/data.pkl (w: None, expected a tensor), nor under model, "
     "state_dict, model_state_dict or module: torch.save(model.state_dict(), NEW)",
     BYTES(W("N"))},
    {"no tensors in m/data.pkl (w: an object, expected a tensor), nor under model, "
     "state_dict, model_state_dict or module: torch.save(model.state_dict(), NEW)",
     BYTES(W("ctorch\nSize\n)\205R"))},
    {"no tensors in m/data.pkl (w: an object, expected a tensor), nor under model, "
     "state_dict, model_state_dict or module: torch.save(model.state_dict(), NEW)",
     BYTES(W("ctorch._utils\n_rebuild_parameter\nN\211}\207R"))},
    {"no tensors in m/data.pkl (w: an object, expected a tensor), nor under model, "
     "state_dict, model_state_dict or module: torch.save(model.state_dict(), NEW)",
     BYTES(W(FLOATS))},
    {"no tensors in m/data.pkl (model: None, expected a tensor), nor under model, "
     "state_dict, model_state_dict or module: torch.save(model.state_dict(), NEW)",
     BYTES(P "}X\5\0\0\0modelNs.")},
    {"a whole Blip, expected the dict of its weights: "
     "torch.save(torch.load(FILE, weights_only=False).state_dict(), NEW)",
     BYTES(P "cm\nBlip\n)\201.")},
    {"weights under \"model\" and under \"module\": "
     "torch.save(torch.load(FILE)[\"model\"], "
     "NEW)",
     BYTES(P "}(X\5\0\0\0model}X\6\0\0\0module}u.")},

    // the storage
    {"w: no storage", BYTES(W_IN("N"))},
    {"w: no storage", BYTES(W_IN("K\6\205"))},
    {"w: no storage", BYTES(W_IN(")Q"))},
    {"w: no storage", BYTES(W_ID(ID("FloatStorage", NAME("0"), "K\6") "N"))},
    {"w: a storage that torch.save does not write", BYTES(W_ID("NNNNN"))},
    {"w: a storage that torch.save does not write",
     BYTES(W_ID("X\6\0\0\0modulectorch\nFloatStorage\n" NAME("0") NAME("c") "K\6"))},
    {"w: a torch.Size, expected a storage of F32, F16 or BF16",
     BYTES(W_IN(STORAGE("Size", NAME("0"), "K\6")))},
    {"w: a torch.ComplexFloatStorage, expected a storage of F32, F16 or BF16",
     BYTES(W_IN(STORAGE("ComplexFloatStorage", NAME("0"), "K\6")))},
    {"w: a storage that torch.save does not write",
     BYTES(W_IN(STORAGE("FloatStorage", "K\0", "K\6")))},
    {"w: a storage that torch.save does not write",
     BYTES(W_IN(STORAGE("FloatStorage", NAME("0"), "N")))},
    {"w: a storage that torch.save does not write",
     BYTES(W_IN(STORAGE("FloatStorage", NAME("0"), "J\377\377\377\377")))},
    {"w: a storage whose key is not a number",
     BYTES(W_IN(STORAGE("FloatStorage", NAME("x"), "K\6")))},
    {"w: a storage whose key is not a number",
     BYTES(W_IN(STORAGE("FloatStorage", "X\0\0\0\0", "K\6")))},
    {"w: a storage whose key is not a number",
     BYTES(W_IN(STORAGE("FloatStorage", "X\4\0\0\0../0", "K\6")))},
    {"w: a storage whose key is not a number",
     BYTES(W_IN(STORAGE("FloatStorage",
                        "X\25\0\0\0"
                        "000000000000000000000",
                        "K\6")))},
    {"w: m/data/1 is missing", BYTES(W_IN(STORAGE("FloatStorage", NAME("1"), "K\6")))},
    {"w: m/data/00000000000000000000 is missing",
     BYTES(W_IN(STORAGE("FloatStorage",
                        "X\24\0\0\0"
                        "00000000000000000000",
                        "K\6")))},
    {"w: m/data/0 has 24 bytes, expected 5 of type F32",
     BYTES(W_IN(STORAGE("FloatStorage", NAME("0"), "K\5")))},
    {"w: m/data/0 has 24 bytes, expected 7 of type F32",
     BYTES(W_IN(STORAGE("FloatStorage", NAME("0"), "K\7")))},
    {"w: m/data/0 has 24 bytes, expected 6 of type I64",
     BYTES(W_IN(STORAGE("LongStorage", NAME("0"), "K\6")))},
    {"w: m/data/0 has 24 bytes, expected 4611686018427387910 of type F32",
     BYTES(W_IN(STORAGE("FloatStorage", NAME("0"), "\212\10\6\0\0\0\0\0\0@")))},
    {"w: its shape passes the 3 elements of its storage",
     BYTES(W_IN(STORAGE("DoubleStorage", NAME("0"), "K\3")))},
    {"w: type BOOL, expected F32, F16 or BF16",
     BYTES(W_IN(STORAGE("BoolStorage", NAME("0"), "K\30")))},

    // the tensor
    {"w: no shape", BYTES(W_AT("K\0", "NN"))},
    {"w: no shape", BYTES(W_AT("K\0", "N\205K\1\205"))},
    {"w: no shape", BYTES(W_AT("K\0", "K\6\205\211\205"))},
    {"w: no shape", BYTES(W_AT("K\0", "K\6\205K\6K\1\206"))},
    {"w: no shape", BYTES(W_AT("K\0", "K\2K\3\206)"))},
    {"w: 5 dimensions, at most 4 expected",
     BYTES(W_AT("K\0", "(K\1K\1K\1K\1K\6t(K\6K\6K\6K\6K\1t"))},
    {"w: dimension 0 is 0", BYTES(W_AT("K\0", "K\0\205K\1\205"))},
    {"w: dimension 0 is -2", BYTES(W_AT("K\0", "J\376\377\377\377K\3\206K\3K\1\206"))},
    {"w: its shape passes the 6 elements of its storage",
     BYTES(W_AT("K\0", "K\6\205J\377\377\377\377\205"))},
    {"w: its shape passes the 6 elements of its storage",
     BYTES(W_AT("K\0", "K\2K\3\206K\1K\3\206"))},
    {"w: 6 elements at 1 of the 6 of its storage",
     BYTES(W_AT("K\1", "K\2K\3\206K\1K\2\206"))},
    {"w: its shape passes the 6 elements of its storage",
     BYTES(W_AT("K\0", "K\7\205K\1\205"))},
    {"w: its shape passes the 6 elements of its storage",
     BYTES(W_AT("K\0", "K\3K\3\206K\3K\1\206"))},
    {"w: its shape passes the 6 elements of its storage", // the product wraps to 6
     BYTES(W_AT("K\0", "\212\10\3\0\0\0\0\0\0@K\2\206K\2K\1\206"))},
    {"w: 6 elements at 1 of the 6 of its storage", BYTES(W_AT("K\1", TWO_BY_THREE))},
    {"w: 1 elements at 6 of the 6 of its storage", BYTES(W_AT("K\6", "))"))},
    {"w: 6 elements at -1 of the 6 of its storage",
     BYTES(W_AT("J\377\377\377\377", TWO_BY_THREE))},
    {"w: 1 elements at 9223372036854775807 of the 6 of its storage",
     BYTES(W_AT("\212\10\377\377\377\377\377\377\377\177", "))"))},
    {"w: a tensor that torch.save does not write", BYTES(W_AT("N", TWO_BY_THREE))},
    {"w: a tensor that torch.save does not write",
     BYTES(W(REBUILD(FLOATS "K\0K\6\205K\1\205N" ORDERED_DICT)))},
    {"w: a tensor that torch.save does not write",
     BYTES(W(REBUILD(FLOATS "K\0K\6\205K\1\205\211N")))},
    {"m/data.pkl: byte 116: REDUCE: torch._utils _rebuild_tensor_v2 of 5 arguments, "
     "expected 6",
     BYTES(W(REBUILD(FLOATS "K\0K\6\205K\1\205\211")))},
};

static void test_refuses_bad_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_objects / sizeof *bad_objects; i++) {
        const char *message = bad_objects[i].message;
        zip_writer zip = wrap(bad_objects[i].bytes, bad_objects[i].size);
        file f = {(uint8_t *)zip.bytes.bytes, zip.bytes.size};
        const bool type = strstr(message, "type BOOL");
        check_refused(message, &f, type ? VBLIP_ERR_UNSUPPORTED : VBLIP_ERR_FORMAT,
                      message);
        zip_free(&zip);
    }
}

static void test_refuses_a_name_longer_than_any(void **state)
{
    (void)state;
    vb_string s = {0};
    assert_true(vb_string_append(&s, BYTES(P "}X\0\1\0\0")));
    for (int i = 0; i < 256; i++)
        assert_true(vb_string_append(&s, "n", 1));
    assert_true(vb_string_append(&s, BYTES(GOOD "s.")));
    zip_writer zip = wrap(s.bytes, s.size);
    file f = {(uint8_t *)zip.bytes.bytes, zip.bytes.size};
    check_refused("name", &f, VBLIP_ERR_FORMAT, "a tensor with a name of 256 bytes");
    zip_free(&zip);
    vb_string_free(&s);
}

// Entries of an archive beside data/0: up to four names and texts.
static const struct bad_layout {
    vblip_status status;
    const char *message;
    const char *entries[4][2];
} bad_layouts[] = {
    {VBLIP_ERR_FORMAT,
     "a zip archive without data.pkl: not a file of torch.save",
     {{"data.pkl", "."}, {"a/b/data.pkl", "."}, {"a/version", "3\n"}}},
    {VBLIP_ERR_FORMAT,
     "a zip archive without data.pkl: not a file of torch.save",
     {{"/data.pkl", "."}, {"/version", "3\n"}}},
    {VBLIP_ERR_FORMAT,
     "data.pkl in both m and n",
     {{"m/data.pkl", "."}, {"n/data.pkl", "."}, {"m/version", "3\n"}}},
    {VBLIP_ERR_FORMAT, "m/version is missing", {{"m/data.pkl", "."}}},
    {VBLIP_ERR_FORMAT,
     "m/version is missing",
     {{"m/data.pkl", "."}, {"n/version", "3\n"}}},
    {VBLIP_ERR_FORMAT,
     "m/version: not a version",
     {{"m/data.pkl", "."}, {"m/version", ""}}},
    {VBLIP_ERR_FORMAT,
     "m/version: not a version",
     {{"m/data.pkl", "."}, {"m/version", "\n"}}},
    {VBLIP_ERR_FORMAT,
     "m/version: not a version",
     {{"m/data.pkl", "."}, {"m/version", "0\n"}}},
    {VBLIP_ERR_FORMAT,
     "m/version: not a version",
     {{"m/data.pkl", "."}, {"m/version", "3\n\n"}}},
    {VBLIP_ERR_FORMAT,
     "m/version: not a version",
     {{"m/data.pkl", "."}, {"m/version", "9999999999"}}},
    {VBLIP_ERR_UNSUPPORTED,
     "m/version: format 11, at most 10 is read",
     {{"m/data.pkl", "."}, {"m/version", "11\n"}}},
    {VBLIP_ERR_UNSUPPORTED,
     "m/byteorder: big, expected little",
     {{"m/data.pkl", "."}, {"m/version", "3\n"}, {"m/byteorder", "big"}}},
    {VBLIP_ERR_FORMAT,
     "m/byteorder: neither little nor big",
     {{"m/data.pkl", "."}, {"m/version", "3\n"}, {"m/byteorder", "little\n"}}},
    {VBLIP_ERR_UNSUPPORTED,
     "a TorchScript archive, expected the state dict: "
     "torch.save(torch.jit.load(FILE).state_dict(), NEW)",
     {{"m/data.pkl", "."}, {"m/constants.pkl", "."}}},
    {VBLIP_ERR_FORMAT,
     "m/data.pkl: byte 0: 0x2e, expected PROTO",
     {{"m/data.pkl", "."}, {"m/version", "10"}}},
};

static void test_refuses_bad_layouts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_layouts / sizeof *bad_layouts; i++) {
        const struct bad_layout *b = &bad_layouts[i];
        zip_writer zip = {.layout = ZIP_FOLLOW};
        for (size_t e = 0; e < 4 && b->entries[e][0]; e++)
            zip_add(&zip, b->entries[e][0], b->entries[e][1], strlen(b->entries[e][1]));
        zip_end(&zip, "");
        file f = {(uint8_t *)zip.bytes.bytes, zip.bytes.size};
        check_refused(b->message, &f, b->status, b->message);
        zip_free(&zip);
    }
}

// What is read of an archive but for the data of tensors is held against its checksum.
static void test_refuses_damaged_entries(void **state)
{
    (void)state;
    static const char *const entries[][2] = {{"m/byteorder", "little"},
                                             {"m/version", "3\n"}};
    zip_writer zip = {.layout = ZIP_FOLLOW};
    zip_add(&zip, "m/data.pkl", BYTES(P "}."));
    for (int i = 0; i < 2; i++)
        zip_add(&zip, entries[i][0], entries[i][1], strlen(entries[i][1]));
    zip_end(&zip, "");
    file f = {(uint8_t *)zip.bytes.bytes, zip.bytes.size};
    for (size_t i = 0; i < zip.count; i++) {
        char message[96];
        const size_t size = zip.entries[i].size;
        uint8_t *data = f.bytes + zip.entries[i].local + 30 + 7; // padding
        data += strlen(zip.entries[i].name);
        for (size_t at = 0; at < size; at++) {
            data[at] ^= 1;
            snprintf(message, sizeof message,
                     "%s: CRC-32 %08x, expected %08x: the file is damaged",
                     zip.entries[i].name, vb_zip_crc(0, data, size),
                     zip.entries[i].crc);
            check_refused(message, &f, VBLIP_ERR_FORMAT, message);
            data[at] ^= 1;
        }
    }
    vb_arena arena = {0};
    vb_weight_list list;
    const vb_file archive = vb_file_in_memory(f.bytes, f.size);
    assert_int_equal(vb_torch_parse(&list, &arena, &archive, NULL), VBLIP_OK);
    vb_arena_free(&arena);
    zip_free(&zip);
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
                     "file is cut short: download it again",
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
        cmocka_unit_test(test_reads_weights_beside_foreign_objects),
        cmocka_unit_test(test_reads_tied_tensors_and_views_of_one_storage),
        cmocka_unit_test(test_reads_parameters),
        cmocka_unit_test(test_passes_over_what_lies_beside_the_model),
        cmocka_unit_test(test_reads_no_weights),
        cmocka_unit_test(test_refuses_what_it_does_not_read_and_says_why),
        cmocka_unit_test(test_an_archive_without_checksums_is_read),
        cmocka_unit_test(test_reads_what_the_refusals_are_made_of),
        cmocka_unit_test(test_refuses_bad_objects),
        cmocka_unit_test(test_refuses_a_name_longer_than_any),
        cmocka_unit_test(test_refuses_bad_layouts),
        cmocka_unit_test(test_refuses_damaged_entries),
        cmocka_unit_test(test_refuses_every_truncation),
    };
    return cmocka_run_group_tests_name("torch_file", tests, NULL, NULL);
}
