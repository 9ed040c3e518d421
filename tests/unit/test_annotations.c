// test_annotations.c - data sets are read as they are distributed; what is no annotation
// is refused with its place.
#include "datasets/annotations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Parses an exact copy, so that ASan sees a read one byte past the end.
static vblip_status parse(vb_annotations *out, vb_arena *arena, const char *text,
                          size_t size, vb_annotation_kind kind, vblip_error *err)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    *err = (vblip_error){0};
    vblip_status status = vb_annotations_parse(out, arena, copy, size, kind, "f", err);
    free(copy);
    return status;
}

static const struct good {
    const char *text;
    vb_annotation_kind kind;
    const char *read; // see `write_down`
} good[] = {
    {"{\"clip_name\": \"video7020\", \"caption\": \"a cat\"}\n"
     "{\"clip_name\": \"video9773\", \"caption\": \"\"}",
     VB_ANNOTATED_CAPTIONS, "1 video7020 [a cat]; 2 video9773 []; "},
    {"\n \t\r\n{\"video\":\"a.mp4\",\"caption\":[\"x\",\"y\"],\"other\":{}}\r\n\n",
     VB_ANNOTATED_CAPTIONS, "3 a.mp4 [x] [y]; "},
    {"[{\"image\": \"val2014/b.jpg\", \"caption\": [\"one\", \"two\"]},\n"
     "{\"caption\": \"three\", \"image\": \"c.jpg\"}]\n",
     VB_ANNOTATED_CAPTIONS,
     "list 1 val2014/b.jpg image [one] [two]; "
     "2 c.jpg image [three]; "},
    {"{\"image\":\"no\",\"clip_name\":\"yes\",\"caption\":\"\\u00e9\"}",
     VB_ANNOTATED_CAPTIONS, "1 yes [\xC3\xA9]; "},
    {"[{\"answer\": \"couch\", \"category_id\": 14, \"id\": 158581, \"question\": "
     "\"what?\","
     " \"video_id\": 6513}]",
     VB_ANNOTATED_ANSWERS, "list 1 6513 number [what?] = couch; "},
    {"{\"video\": null, \"video_id\": \"video6513\", \"question\": \"q\", \"answer\": "
     "\"\"}",
     VB_ANNOTATED_ANSWERS, "1 video6513 [q] = ; "},
    {"{\"image\": \"i.png\", \"question\": \"q\", \"answer\": \"a\"}",
     VB_ANNOTATED_ANSWERS, "1 i.png image [q] = a; "},
    {"[{\"image\": \"val2014/COCO_val2014_000000391895.jpg\", \"caption\": [\"c\"]},"
     "{\"image\": \"x7.jpg\", \"image_id\": 3}, {\"image\": \"y\", \"img_id\": 0},"
     "{\"image\": \"12\", \"id\": 9007199254740992}, {\"image\": \"1/2.3/04\"}]",
     VB_ANNOTATED_IMAGES,
     "list 1 val2014/COCO_val2014_000000391895.jpg image #391895; 2 x7.jpg image #3; "
     "3 y image #0; 4 12 image #9007199254740992; 5 1/2.3/04 image #4; "},
    {"[{\"question_id\": 262144000, \"question\": \"q\", \"image\": \"i.jpg\", "
     "\"dataset\": \"vqa\"}]",
     VB_ANNOTATED_QUESTIONS, "list 1 i.jpg image #262144000 [q]; "},
    {"[{\"images\": [\"dev/a-img0.png\", \"dev/a-img1.png\"], \"sentence\": \"s\", "
     "\"label\": \"True\"}, {\"images\": [\"a\", \"a\"], \"sentence\": \"t\", "
     "\"label\": "
     "false}]",
     VB_ANNOTATED_STATEMENTS,
     "list 1 dev/a-img0.png dev/a-img1.png image [s] = True; 2 a a image [t] = "
     "False; "},
    {"{\"path\": \"a\", \"caption\": \"c\"}\n{\"video\": \"b\", \"caption\": \"c\"}\n"
     "{\"image\": \"c\", \"caption\": \"c\"}",
     VB_ANNOTATED_PAIRS, "1 a [c]; 2 b [c]; 3 c image [c]; "},
    {"{\"path\":\"a\",\"caption\":\"c\",\"match\":true}\n"
     "{\"match\":\"False\",\"image\":\"b\",\"caption\":\"d\"}",
     VB_ANNOTATED_MATCHES, "1 a [c] = True; 2 b image [d] = False; "},
};

// What was read, in one line.
static void write_down(char *out, size_t size, const vb_annotations *all)
{
    snprintf(out, size, "%s", all->listed ? "list " : "");
#define ADD(...) snprintf(out + strlen(out), size - strlen(out), __VA_ARGS__)
    for (uint32_t i = 0; i < all->count; i++) {
        const vb_annotation *a = &all->items[i];
        ADD("%u %s", a->at, a->media[0]);
        if (a->media[1])
            ADD(" %s", a->media[1]);
        ADD("%s%s", a->is_image ? " image" : "", a->is_number ? " number" : "");
        if (a->has_id)
            ADD(" #%llu", (unsigned long long)a->id);
        for (uint32_t t = 0; t < a->text_count; t++)
            ADD(" [%s]", a->texts[t]);
        if (a->expected)
            ADD(" = %s", a->expected);
        ADD("; ");
    }
#undef ADD
}

static void test_data_sets_as_distributed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        vb_annotations all;
        vb_arena arena = {0};
        vblip_error err;
        char read[512];
        if (parse(&all, &arena, good[i].text, strlen(good[i].text), good[i].kind, &err))
            fail_msg("%s: %s", good[i].text, err.message);
        write_down(read, sizeof read, &all);
        assert_string_equal(read, good[i].read);
        vb_arena_free(&arena);
    }
}

static const struct bad {
    const char *text;
    vb_annotation_kind kind;
    const char *message;
} bad[] = {
    {"", VB_ANNOTATED_CAPTIONS, "f: holds no annotation"},
    {" \n\n", VB_ANNOTATED_CAPTIONS, "f: holds no annotation"},
    {"[]", VB_ANNOTATED_CAPTIONS, "f: holds no annotation"},
    {"\n{\"clip_name\":", VB_ANNOTATED_CAPTIONS, "f:2: not JSON at byte 13"},
    {"[{}", VB_ANNOTATED_CAPTIONS, "f: not JSON"},
    {"[] []", VB_ANNOTATED_CAPTIONS, "f: more after the JSON, at byte 3"},
    {"{} {}", VB_ANNOTATED_CAPTIONS, "f:1: more after the JSON, at byte 3"},
    {"{\"a\":1,\"a\":1}", VB_ANNOTATED_CAPTIONS, "f:1: \"a\" is given twice"},
    {"\"text\"", VB_ANNOTATED_CAPTIONS, "f:1: not an object"},
    {"[1]", VB_ANNOTATED_CAPTIONS, "f: entry 1: not an object"},
    {"[[]]", VB_ANNOTATED_CAPTIONS, "f: entry 1: not an object"},
    {"{\"caption\":\"c\"}", VB_ANNOTATED_CAPTIONS,
     "f:1: clip_name or video or image: missing"},
    {"{\"clip_name\":null,\"caption\":\"c\"}", VB_ANNOTATED_CAPTIONS,
     "f:1: clip_name or video or image: missing"},
    {"{\"clip_name\":true,\"caption\":\"c\"}", VB_ANNOTATED_CAPTIONS,
     "f:1: clip_name: not a string"},
    {"{\"clip_name\":-1,\"caption\":\"c\"}", VB_ANNOTATED_CAPTIONS,
     "f:1: clip_name: not a string"},
    {"{\"clip_name\":1.5,\"caption\":\"c\"}", VB_ANNOTATED_CAPTIONS,
     "f:1: clip_name: not a string"},
    {"{\"image\":7,\"caption\":\"c\"}", VB_ANNOTATED_CAPTIONS,
     "f:1: image: not a string"},
    {"{\"clip_name\":\"\",\"caption\":\"c\"}", VB_ANNOTATED_CAPTIONS,
     "f:1: clip_name: is empty"},
    {"{\"clip_name\":\"a\"}", VB_ANNOTATED_CAPTIONS, "f:1: caption: missing"},
    {"{\"clip_name\":\"a\",\"caption\":\"b\"}\n\n{\"clip_name\":\"a\",\"caption\":7}",
     VB_ANNOTATED_CAPTIONS, "f:3: caption: not a string"},
    {"{\"clip_name\":\"a\",\"caption\":[]}", VB_ANNOTATED_CAPTIONS,
     "f:1: caption: an empty list"},
    {"{\"clip_name\":\"a\",\"caption\":[\"b\",[]]}", VB_ANNOTATED_CAPTIONS,
     "f:1: caption: not a list of strings"},
    {"{\"clip_name\":\"a\",\"caption\":\"\\u0000\"}", VB_ANNOTATED_CAPTIONS,
     "f:1: not JSON"},
    {"{\"clip_name\":\"\xFF\",\"caption\":\"\"}", VB_ANNOTATED_CAPTIONS,
     "f:1: not UTF-8"},
    {"{\"video\":\"a\",\"question\":\"q\"}", VB_ANNOTATED_ANSWERS,
     "f:1: answer: missing"},
    {"{\"video\":\"a\",\"question\":[\"q\"],\"answer\":\"a\"}", VB_ANNOTATED_ANSWERS,
     "f:1: question: not a string"},
    {"{\"video\":\"a\",\"question\":\"q\",\"answer\":[\"a\"]}", VB_ANNOTATED_ANSWERS,
     "f:1: answer: not a string"},
    {"{\"question\":\"q\",\"answer\":\"a\"}", VB_ANNOTATED_ANSWERS,
     "f:1: video or video_id or image: missing"},
    {"{\"video\":\"a.mp4\"}", VB_ANNOTATED_IMAGES, "f:1: image: missing"},
    {"{\"image\":\"a.jpg\"}", VB_ANNOTATED_IMAGES,
     "f:1: image_id: missing, and the image's name ends in no number"},
    {"{\"image\":\"1234567890123456789.jpg\"}", VB_ANNOTATED_IMAGES, "f:1: image_id:"},
    {"{\"image\":\"a.jpg\",\"img_id\":\"7\"}", VB_ANNOTATED_IMAGES,
     "f:1: img_id: not a whole number"},
    {"[{\"image\":\"1.jpg\",\"question\":\"q\"}]", VB_ANNOTATED_QUESTIONS,
     "f: entry 1: question_id: missing"},
    {"{\"image\":\"a\",\"question\":\"q\",\"question_id\":1e16}",
     VB_ANNOTATED_QUESTIONS, "f:1: question_id: not a whole number"},
    {"{\"sentence\":\"s\",\"label\":\"True\"}", VB_ANNOTATED_STATEMENTS,
     "f:1: images: missing"},
    {"{\"images\":\"a\",\"sentence\":\"s\",\"label\":\"True\"}",
     VB_ANNOTATED_STATEMENTS, "f:1: images: not a list of two"},
    {"{\"images\":[\"a\"],\"sentence\":\"s\",\"label\":\"True\"}",
     VB_ANNOTATED_STATEMENTS, "f:1: images: not a list of two"},
    {"{\"images\":[\"a\",\"b\",\"c\"],\"sentence\":\"s\",\"label\":\"True\"}",
     VB_ANNOTATED_STATEMENTS, "f:1: images: not a list of two"},
    {"{\"images\":[\"a\",2],\"sentence\":\"s\",\"label\":\"True\"}",
     VB_ANNOTATED_STATEMENTS, "f:1: images: not a string"},
    {"{\"images\":[\"a\",\"b\"],\"sentence\":\"s\",\"label\":\"true\"}",
     VB_ANNOTATED_STATEMENTS, "f:1: label: neither true nor false"},
    {"{\"images\":[\"a\",\"b\"],\"sentence\":\"s\",\"label\":1}",
     VB_ANNOTATED_STATEMENTS, "f:1: label: neither true nor false"},
    {"{\"path\":\"a\",\"caption\":[\"c\"]}", VB_ANNOTATED_PAIRS,
     "f:1: caption: not a string"},
    {"{\"clip_name\":\"a\",\"caption\":\"c\"}", VB_ANNOTATED_PAIRS,
     "f:1: path or video or image: missing"},
    {"{\"path\":\"a\",\"caption\":\"c\"}", VB_ANNOTATED_MATCHES, "f:1: match: missing"},
    {"{\"path\":\"a\",\"caption\":\"c\",\"match\":null}", VB_ANNOTATED_MATCHES,
     "f:1: match: missing"},
    {"{\"path\":\"a\",\"caption\":\"c\",\"match\":1}", VB_ANNOTATED_MATCHES,
     "f:1: match: neither true nor false"},
    {"{\"path\":\"a\",\"caption\":\"c\",\"match\":true}\n"
     "{\"path\":\"a\",\"caption\":\"c\",\"match\":\"yes\"}",
     VB_ANNOTATED_MATCHES, "f:2: match: neither true nor false"},
    {"{\"path\":\"a\",\"match\":true}", VB_ANNOTATED_MATCHES, "f:1: caption: missing"},
    {"{\"video\":\"\",\"caption\":\"c\",\"match\":true}", VB_ANNOTATED_MATCHES,
     "f:1: video: is empty"},
};

static void test_bad_annotations_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vb_annotations all;
        vb_arena arena = {0};
        vblip_error err;
        vblip_status status =
            parse(&all, &arena, bad[i].text, strlen(bad[i].text), bad[i].kind, &err);
        if (status != VBLIP_ERR_FORMAT || err.status != status ||
            strncmp(err.message, bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("%s: %d, \"%s\", expected \"%s\"", bad[i].text, status,
                     status ? err.message : "", bad[i].message);
        assert_int_equal(all.count, 0);
        assert_null(all.items);
        vb_arena_free(&arena);
    }
}

// However a file is cut: refused, or what stands before the cut.
static void test_every_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        for (size_t size = 0; size < strlen(good[i].text); size++) {
            vb_annotations all;
            vb_arena arena = {0};
            vblip_error err;
            char read[512];
            if (parse(&all, &arena, good[i].text, size, good[i].kind, &err) ==
                VBLIP_OK) {
                write_down(read, sizeof read, &all);
                assert_int_equal(strncmp(read, good[i].read, strlen(read)), 0);
            } else {
                assert_int_equal(err.status, VBLIP_ERR_FORMAT);
                assert_int_equal(err.message[0], 'f');
            }
            vb_arena_free(&arena);
        }
}

static void check_answers(const char *text, const char *expected)
{
    const char *const *answers;
    uint32_t count;
    vb_arena arena = {0};
    vblip_error err = {0};
    char read[256] = "";
    vblip_status status =
        vb_answers_parse(&answers, &count, &arena, text, strlen(text), "a", &err);
    for (uint32_t i = 0; i < count; i++)
        snprintf(read + strlen(read), sizeof read - strlen(read), "[%s]", answers[i]);
    assert_string_equal(status ? err.message : read, expected);
    assert_true(!status || (!answers && !count));
    vb_arena_free(&arena);
}

static void test_answers(void **state)
{
    (void)state;
    check_answers("yes\nno\r\n\n  \n two dogs ", "[yes][no][ two dogs ]");
    check_answers(" [\"yes\", \"\", \"caf\xC3\xA9\"]\n", "[yes][][caf\xC3\xA9]");
    check_answers("", "a: holds no answer");
    check_answers("\n\n", "a: holds no answer");
    check_answers("[]", "a: holds no answer");
    check_answers("[\"a\",1]", "a: answer 2: not a string");
    check_answers("[\"a\"", "a: not JSON at byte 4");
    check_answers("a\n\xFF\n", "a: answer 2: not UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_sets_as_distributed),
        cmocka_unit_test(test_bad_annotations_are_refused),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
