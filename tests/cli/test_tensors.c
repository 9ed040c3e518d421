// test_tensors.c - features become a safetensors file, to the byte.
#include "cli/run_fake.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// The whole of a safetensors file: length, header, blanks, floats.
static void expect_tensors(const char *path, const char *header, const float *values,
                           size_t count)
{
    static char bytes[1 << 13];
    const size_t size = read_file(bytes, sizeof bytes, path);
    const size_t length = (unsigned char)bytes[0] | (size_t)(unsigned char)bytes[1]
                                                        << 8;
    const size_t floats = count * sizeof *values;
    assert_memory_equal(bytes + 2, "\0\0\0\0\0\0", 6);
    assert_int_equal(size, 8 + length + floats);
    assert_int_equal(length % 8, 0);
    assert_memory_equal(bytes + 8, header, strlen(header));
    for (size_t i = 8 + strlen(header); i < 8 + length; i++)
        assert_int_equal(bytes[i], ' ');
    assert_memory_equal(bytes + 8 + length, values, floats);
}

static void test_features_become_a_safetensors_file(void **state)
{
    (void)state;
    static const float zeros[] = {0, 0, 1, 0}, texts[] = {0, 0, 0, 0.5f};
    static const float pairs[] = {0, 0, 0,    0,    0, 0.5f, 0, 1,
                                  1, 0, 2.0f, 0.0f, 1, 0.5f, 2, 1};
    result r;
    run(&r, "embed|--what|itc-image|-o|f|a \\\"\xFF.mp4|bad.mp4|c.mp4");
    assert_int_equal(r.code, 3);
    assert_string_equal(r.out, "");
    assert_string_equal(r.err, "vblip: bad.mp4: no video stream\n");
    expect_tensors("f",
                   "{\"__metadata__\":{\"what\":\"itc-image\",\"0\":\"a "
                   "\\\\\\\"\xEF\xBF\xBD.mp4\","
                   "\"2\":\"c.mp4\"},\"0\":{\"dtype\":\"F32\",\"shape\":[2],"
                   "\"data_offsets\":[0,8]},\"2\":{\"dtype\":\"F32\",\"shape\":[2],"
                   "\"data_offsets\":[8,16]}}",
                   zeros, 4);
    run(&r, "embed|--what|itc-text|-o|f|--text|one|--text|two");
    assert_int_equal(r.code, 0);
    expect_tensors(
        "f",
        "{\"__metadata__\":{\"what\":\"itc-text\",\"0\":\"one\",\"1\":\"two\"},"
        "\"0\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"1\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
        texts, 4);
    put_text("two", "one\ntwo\n");
    run(&r, "embed|--what|multimodal|-o|f|a.png|bad.png|c.png|--texts|two");
    assert_int_equal(r.code, 3);
    expect_tensors(
        "f",
        "{\"__metadata__\":{\"what\":\"multimodal\",\"0\":\"a.png\",\"0.text\":\"one\","
        "\"1\":\"a.png\",\"1.text\":\"two\",\"4\":\"c.png\",\"4.text\":\"one\","
        "\"5\":\"c.png\",\"5.text\":\"two\"},"
        "\"0\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
        "\"1\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,32]},"
        "\"4\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[32,48]},"
        "\"5\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[48,64]}}",
        pairs, 16);

    run(&r, "embed|--what|vision|-o|f|a.png|interrupt.png|c.png"); // kept so far
    assert_int_equal(r.code, 130);
    static const float first[] = {0, 0, 0, 0, 0.5f, 0, 1, 0};
    expect_tensors(
        "f",
        "{\"__metadata__\":{\"what\":\"vision\",\"0\":\"a.png\",\"1\":\"interrupt."
        "png\"},"
        "\"0\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
        "\"1\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,32]}}",
        first, 8);
    remove("f");
    run(&r, "embed|--what|vision|-o|f|bad.png"); // nothing is no file
    assert_int_equal(r.code, 4);
    assert_int_equal(access("f", F_OK), -1);
    run(&r, "embed|--what|text|-o|f|--text|x|--model|caption-only");
    assert_int_equal(r.code, 4);
    assert_string_equal(r.err, "vblip: caption-only: this checkpoint holds: caption\n");
    run(&r, "embed|--what|vision|-o|f|a.png|--model|caption-only"); // a ViT is a ViT
    assert_int_equal(r.code, 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int reader = open("pipe", O_RDONLY | O_NONBLOCK);
    run(&r, "embed|--what|vision|-o|pipe|a.png");
    close(reader);
    assert_int_equal(r.code, 4);
    assert_string_equal(
        r.err, "vblip: pipe: the header is written last, and this cannot be sought\n");
    run(&r, "embed|--what|vision|-o|/dev/full|a.png");
    assert_int_equal(r.code, 4);
    remove("f");
    remove("pipe");
    remove("two");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features_become_a_safetensors_file),
    };
    return cmocka_run_group_tests_name("tensors", tests, enter_folder, leave_folder);
}
