// test_dialogs.c - dialogs are read from each form of file; what is none is refused.
#include "datasets/dialogs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Parses an exact copy, so that ASan sees a read one byte past the end.
static vblip_status parse(vb_dialogs *out, vb_arena *arena, const char *text,
                          size_t size, vblip_error *err)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    *err = (vblip_error){0};
    vblip_status status = vb_dialogs_parse(out, arena, copy, size, "f", err);
    free(copy);
    return status;
}

#define REST "\"question\":\"q\",\"candidates\":[\"a\",\"b\"]}"
#define TURN "{\"question\":\"q1\",\"answer\":\"a1\"}"

static const struct good {
    const char *text, *read; // see write_down
} good[] = {
    {"{" REST, "- | q? a b"},
    {"{\"caption\":\"c\",\"history\":[" TURN "," TURN "],\"x\":1," REST "\n",
     "c |q1=a1 |q1=a1 | q? a b"},
    {"{\n \"caption\": null,\n \"history\": [],\n " REST, "- | q? a b"},
    {"[{" REST ",{\"caption\":\"\"," REST "]\n", "- | q? a b;  | q? a b"},
    {"\n{" REST "\n \r\n{\"caption\":\"c\"," REST, "- | q? a b; c | q? a b"},
};

static void write_down(char *out, size_t size, const vb_dialogs *all)
{
    size_t at = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        const vb_dialog *d = &all->items[i];
        at += (size_t)snprintf(out + at, size - at, "%s%s ", i ? "; " : "",
                               d->caption ? d->caption : "-");
        for (uint32_t t = 0; t < d->turn_count; t++)
            at += (size_t)snprintf(out + at, size - at, "|%s=%s ", d->turns[t].question,
                                   d->turns[t].answer);
        at += (size_t)snprintf(out + at, size - at, "| %s?", d->question);
        for (uint32_t c = 0; c < d->candidate_count; c++)
            at += (size_t)snprintf(out + at, size - at, " %s", d->candidates[c]);
    }
}

static void test_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char read[256];
        vb_arena arena = {0};
        vb_dialogs all;
        vblip_error err;
        if (parse(&all, &arena, good[i].text, strlen(good[i].text), &err) != VBLIP_OK)
            fail_msg("%s: %s", good[i].text, err.message);
        write_down(read, sizeof read, &all);
        assert_string_equal(read, good[i].read);
        vb_arena_free(&arena);
    }
}

static const struct bad {
    const char *text, *message; // its beginning
} bad[] = {
    {"", "f: "},
    {" \n\n", "f: "},
    {"[]", "f: holds no dialog"},
    {"7", "f: dialog 1: not an object"},
    {"[{" REST ",7]", "f: dialog 2: not an object"},
    {"{\"candidates\":[\"a\"]}", "f: dialog 1: question: missing"},
    {"{\"question\":7,\"candidates\":[\"a\"]}", "f: dialog 1: question: "},
    {"{\"question\":\"q\"}", "f: dialog 1: candidates: none given"},
    {"{\"question\":\"q\",\"candidates\":[]}", "f: dialog 1: candidates: none given"},
    {"{\"question\":\"q\",\"candidates\":\"a\"}",
     "f: dialog 1: candidates: not a list"},
    {"{\"question\":\"q\",\"candidates\":[1]}",
     "f: dialog 1: candidates: not a list of strings"},
    {"{\"caption\":[]," REST, "f: dialog 1: caption: "},
    {"{\"history\":{}," REST, "f: dialog 1: history: not a list"},
    {"{\"history\":[\"x\"]," REST, "f: dialog 1: history[0]: not an object"},
    {"{\"history\":[" TURN ",{\"question\":\"q\"}]," REST,
     "f: dialog 1: history[1].answer: missing"},
    {"{\"history\":[{\"answer\":\"q\"}]," REST,
     "f: dialog 1: history[0].question: missing"},
    {"{" REST "\n{" REST "x", "f: dialog 2: "},
    {"{" REST "\n[{" REST "]\n", "f: dialog 2: not an object"},
    {"{\"question\":\"a\"," REST, "f: "},
    {"{" REST " {" REST, "f: "},
};

static void test_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vb_arena arena = {0};
        vb_dialogs all;
        vblip_error err;
        vblip_status status =
            parse(&all, &arena, bad[i].text, strlen(bad[i].text), &err);
        if (status != VBLIP_ERR_FORMAT ||
            strncmp(err.message, bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("%s: status %d, \"%s\", expected \"%s\"", bad[i].text, status,
                     err.message, bad[i].message);
        assert_null(all.items);
        vb_arena_free(&arena);
    }
}

static void test_refuses_every_truncation(void **state)
{
    (void)state;
    const char *text = "{\"caption\":\"c\",\"history\":[" TURN "]," REST;
    for (size_t size = 0; size < strlen(text); size++) {
        vb_arena arena = {0};
        vb_dialogs all;
        vblip_error err;
        assert_int_equal(parse(&all, &arena, text, size, &err), VBLIP_ERR_FORMAT);
        vb_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_every_truncation),
    };
    return cmocka_run_group_tests_name("dialogs", tests, NULL, NULL);
}
