// test_safetensors.c - the index is right for good files and refuses every bad one.
#include "formats/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A file in memory: an 8-byte length, `header`, then `data_size` bytes of data. The
// allocation is exact, so that ASan sees a read one byte past the end.
typedef struct file {
    uint8_t *bytes;
    size_t size;
} file;

static file make_file(const char *header, size_t data_size)
{
    size_t length = strlen(header);
    file f = {.size = 8 + length + data_size};
    f.bytes = calloc(1, f.size);
    assert_non_null(f.bytes);
    for (int i = 0; i < 8; i++)
        f.bytes[i] = (uint8_t)((uint64_t)length >> (8 * i));
    memcpy(f.bytes + 8, header, length);
    return f;
}

static vblip_status parse_file(vb_safetensors *out, vb_arena *arena, const file *f,
                               vblip_error *err)
{
    const vb_file memory = vb_file_in_memory(f->bytes, f->size);
    return vb_safetensors_parse(out, arena, &memory, err);
}

static void test_reads_name_shape_type_and_bytes(void **state)
{
    (void)state;
    file f = make_file("{\"__w\":{\"dtype\":\"F32\",\"shape\":[2,3],"
                       "\"data_offsets\":[8,32]},"
                       "\"bias\":{\"dtype\":\"F16\",\"shape\":[4],"
                       "\"data_offsets\":[0,8]}}   ",
                       32);
    vb_arena arena = {0};
    vb_safetensors st;
    assert_int_equal(parse_file(&st, &arena, &f, NULL), VBLIP_OK);

    assert_int_equal(st.list.count, 2);
    const vb_weight *w = vb_weight_find(&st.list, "__w");
    assert_non_null(w);
    assert_int_equal(w->dtype, VB_F32);
    assert_int_equal(w->rank, 2);
    assert_int_equal(w->shape[0], 2);
    assert_int_equal(w->shape[1], 3);
    assert_int_equal(w->size, 24);
    assert_int_equal(w->at, f.size - 24);
    assert_null(vb_weight_find(&st.list, "weight"));

    vb_arena_free(&arena);
    free(f.bytes);
}

// Every row is a file that some reader in the wild accepts, or once did.
#define ENTRY(dtype, shape, offsets)                                                   \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct bad_file {
    const char *name, *header;
} bad_files[] = {
    {"empty header", ""},
    {"not an object", "[]"},
    {"header cut short", "{\"a\":{\"dtype\":\"F32\""},
    {"text after the header", "{} x"},
    {"entry with no keys", "{\"a\":{}}"},
    {"unknown type", ENTRY("\"F99\"", "[4]", "[0,16]")},
    {"key given twice", "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[4],"
                        "\"data_offsets\":[0,16]}}"},
    {"name given twice",
     "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}"},
    {"zero dimension", ENTRY("\"F32\"", "[0,4]", "[0,16]")},
    {"rank too high", ENTRY("\"F32\"", "[1,1,1,1,4]", "[0,16]")},
    {"shape and length disagree", ENTRY("\"F32\"", "[5]", "[0,16]")},
    {"shape product overflows",
     ENTRY("\"F32\"", "[4294967295,4294967295,4]", "[0,16]")},
    {"offsets reversed", ENTRY("\"F32\"", "[4]", "[16,0]")},
    {"offset negative", ENTRY("\"F32\"", "[4]", "[-64,-48]")},
    {"offset past the end", ENTRY("\"F32\"", "[4]", "[4,20]")},
    {"offset wraps around",
     ENTRY("\"F32\"", "[4]", "[18446744073709551600,18446744073709551616]")},
    {"space before the header", " {}"},
    {"entry not an object", "{\"a\":[]}"},
    {"entry with a fourth key", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],"
                                "\"data_offsets\":[0,16],\"stride\":[4]}}"},
    {"no name", "{\"\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}"},
    {"name with a NUL",
     "{\"a\\u0000\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}"},
    {"name not UTF-8",
     "{\"\xff\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}"},
    {"type not a string", ENTRY("4", "[4]", "[0,16]")},
    {"shape not a list", ENTRY("\"F32\"", "4", "[0,16]")},
    {"dimension negative", ENTRY("\"F32\"", "[-4]", "[0,16]")},
    {"dimension a fraction", ENTRY("\"F32\"", "[4.5]", "[0,16]")},
    {"dimension a string", ENTRY("\"F32\"", "[\"4\"]", "[0,16]")},
    {"dimension with a leading zero", ENTRY("\"F32\"", "[04]", "[0,16]")},
    {"dimension beyond doubles", ENTRY("\"F32\"", "[1e999]", "[0,16]")},
    {"product wraps to the length",
     ENTRY("\"U8\"", "[4294967296,4294967296,1,16]", "[0,16]")},
    {"one offset", ENTRY("\"F32\"", "[4]", "[16]")},
    {"three offsets", ENTRY("\"F32\"", "[4]", "[0,16,16]")},
    {"offset a fraction", ENTRY("\"F32\"", "[4]", "[0.5,16.5]")},
    {"gap before the first", ENTRY("\"F32\"", "[3]", "[4,16]")},
    {"bytes after the last", ENTRY("\"F32\"", "[3]", "[0,12]")},
    {"data of no tensor", "{}"},
    {"gap between tensors",
     "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}"},
    {"overlap", "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},"
                "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}"},
    {"the same bytes twice",
     "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}"},
    {"metadata not an object", "{\"__metadata__\":\"pt\"}"},
    {"metadata not of strings", "{\"__metadata__\":{\"format\":1}}"},
    {"nested deeply", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["},
};

static void test_refuses_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        file f = make_file(bad_files[i].header, 16);
        vb_arena arena = {0};
        vb_safetensors st;
        vblip_error err = {0};
        vblip_status s = parse_file(&st, &arena, &f, &err);
        if (s != VBLIP_ERR_FORMAT || err.message[0] == '\0' || st.list.count != 0)
            fail_msg("%s: status %d, message \"%s\"", bad_files[i].name, s,
                     err.message);
        vb_arena_free(&arena);
        free(f.bytes);
    }
}

// A type of the format that no weight may have is another matter than a made-up one.
static void test_names_the_tensor_of_a_type_it_does_not_read(void **state)
{
    (void)state;
    file f = make_file(ENTRY("\"I16\"", "[2]", "[0,4]"), 4);
    vb_arena arena = {0};
    vb_safetensors st;
    vblip_error err = {0};
    assert_int_equal(parse_file(&st, &arena, &f, &err), VBLIP_ERR_UNSUPPORTED);
    assert_string_equal(err.message, "a: type I16, expected F32, F16 or BF16");
    vb_arena_free(&arena);
    free(f.bytes);
}

// As floats: what reading makes of them has half the bytes.
static void test_lists_doubles_as_what_they_become(void **state)
{
    (void)state;
    file f = make_file(ENTRY("\"F64\"", "[2]", "[0,16]"), 16);
    vb_arena arena = {0};
    vb_safetensors st;
    assert_int_equal(parse_file(&st, &arena, &f, NULL), VBLIP_OK);
    assert_true(st.list.weights[0].is_double);
    assert_int_equal(st.list.weights[0].dtype, VB_F32);
    assert_int_equal(st.list.weights[0].size, 8);
    vb_arena_free(&arena);
    free(f.bytes);
}

static void test_reads_scalars_metadata_and_the_empty_file(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vb_safetensors st;
    file f = make_file("{\"__metadata__\":{\"z\":\"\",\"format\":\"pt\"},"
                       "\"temp\":{\"dtype\":\"I64\",\"shape\":[],"
                       "\"data_offsets\":[0,8]}}",
                       8);
    assert_int_equal(parse_file(&st, &arena, &f, NULL), VBLIP_OK);
    assert_int_equal(st.list.count, 1);
    assert_int_equal(st.list.weights[0].rank, 0);
    assert_int_equal(st.list.weights[0].size, 8);
    assert_int_equal(st.metadata_count, 2);
    assert_string_equal(st.metadata_keys[0], "z");
    assert_string_equal(st.metadata_values[1], "pt");
    free(f.bytes);

    f = make_file("{}", 0);
    assert_int_equal(parse_file(&st, &arena, &f, NULL), VBLIP_OK);
    assert_int_equal(st.list.count, 0);
    assert_null(vb_weight_find(&st.list, "temp"));
    vb_arena_free(&arena);
    free(f.bytes);
}

// A length field of garbage must not become an allocation or a read.
static void test_refuses_a_header_longer_than_the_file(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {
        3, 16, 8 << 20, (8 << 20) + 1, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        file f = make_file("{}", 0);
        for (int b = 0; b < 8; b++)
            f.bytes[b] = (uint8_t)(lengths[i] >> (8 * b));
        vb_arena arena = {0};
        vb_safetensors st;
        assert_int_equal(parse_file(&st, &arena, &f, NULL), VBLIP_ERR_FORMAT);
        vb_arena_free(&arena);
        free(f.bytes);
    }
}

// Cutting a good file anywhere must give a clean refusal, never a read past the cut.
static void test_refuses_every_truncation(void **state)
{
    (void)state;
    file f = make_file(ENTRY("\"F32\"", "[4]", "[0,16]"), 16);
    for (size_t size = 0; size < f.size; size++) {
        file cut = {.bytes = malloc(size ? size : 1), .size = size};
        assert_non_null(cut.bytes);
        memcpy(cut.bytes, f.bytes, size);
        vb_arena arena = {0};
        vb_safetensors st;
        assert_int_equal(parse_file(&st, &arena, &cut, NULL), VBLIP_ERR_FORMAT);
        vb_arena_free(&arena);
        free(cut.bytes);
    }
    free(f.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_name_shape_type_and_bytes),
        cmocka_unit_test(test_lists_doubles_as_what_they_become),
        cmocka_unit_test(test_reads_scalars_metadata_and_the_empty_file),
        cmocka_unit_test(test_refuses_bad_files),
        cmocka_unit_test(test_names_the_tensor_of_a_type_it_does_not_read),
        cmocka_unit_test(test_refuses_a_header_longer_than_the_file),
        cmocka_unit_test(test_refuses_every_truncation),
    };
    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
