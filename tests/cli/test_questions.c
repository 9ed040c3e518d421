// test_questions.c - files of questions: what they may hold, and what is refused.
#include "cli/questions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// "QUESTION" or "QUESTION|ANSWER|ANSWER", one after another, each ended by ";".
static void show_questions(char *out, size_t size, const cli_questions *q)
{
    char *const *answer = q->answers.items;
    *out = '\0';
    for (uint32_t i = 0; i < q->texts.count; i++) {
        size_t at = strlen(out);
        snprintf(out + at, size - at, "%s", q->texts.items[i]);
        for (uint32_t k = 0; k < q->own[i]; k++) {
            at = strlen(out);
            snprintf(out + at, size - at, "|%s", *answer++);
        }
        at = strlen(out);
        snprintf(out + at, size - at, ";");
    }
}

static vblip_status read_lines(cli_questions *out, const char *text, size_t size,
                               vblip_error *err)
{
    *out = (cli_questions){0};
    for (uint32_t number = 1;; number++) {
        const char *end = memchr(text, '\n', size);
        const size_t length = end ? (size_t)(end - text) : size;
        VB_TRY(cli_questions_line(out, "Q.txt", number, text, length, err));
        if (!end)
            return VBLIP_OK;
        text += length + 1;
        size -= length + 1;
    }
}

static void test_what_lines_say(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {" \t\r", ""},
        {"# what?\n  # a comment, = too", ""},
        {"what is it?", "what is it?;"},
        {"who?\r\nwhy?\r\n", "who?;why?;"},
        {"\xEF\xBB\xBFwho?\n\nwhy?", "who?;why?;"},
        {"  who is there? ", "who is there?;"},
        {"color? = red, blue, none", "color?|red|blue|none;"},
        {"color?=red,blue", "color?|red|blue;"},
        {"color? = red\nwhat?\nmany? = 1, 2", "color?|red;what?;many?|1|2;"},
        {"is it #1, or 2? = yes", "is it #1, or 2?|yes;"},
        {"\"1 = 2?\" = yes, no", "1 = 2?|yes|no;"},
        {"\"1 = 2?\"", "1 = 2?;"},
        {"\"# of dogs?\" = 1", "# of dogs?|1;"},
        {"\"a \"\"b\"\"?\" = \"x, y\" , \" z \",\"\"\"\"", "a \"b\"?|x, y| z |\";"},
        {"says \"EXIT\", or? = it says \"EXIT\", no",
         "says \"EXIT\", or?|it says \"EXIT\"|no;"},
        {"1 + 1? = = 2, a = b", "1 + 1?|= 2|a = b;"},
        {"caf\xC3\xA9? = \xE2\x82\xAC", "caf\xC3\xA9?|\xE2\x82\xAC;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cli_questions q;
        char shown[256];
        assert_int_equal(read_lines(&q, cases[i].text, strlen(cases[i].text), NULL),
                         VBLIP_OK);
        show_questions(shown, sizeof shown, &q);
        assert_string_equal(shown, cases[i].expected);
        cli_questions_free(&q);
    }
}

static void test_what_lines_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size; // 0 = up to its NUL
        const char *message;
    } cases[] = {
        {"who?\n= red", 0, "Q.txt: line 2: no question in front of the ="},
        {"=", 0, "Q.txt: line 1: no question in front of the ="},
        {"\"\" = a", 0, "Q.txt: line 1: no question in front of the ="},
        {"\"\"", 0, "Q.txt: line 1: an empty question"},
        {"who? =", 0, "Q.txt: line 1: no answer behind the ="},
        {"who? = \r", 0, "Q.txt: line 1: no answer behind the ="},
        {"who? = a,, b", 0, "Q.txt: line 1: an empty answer"},
        {"who? = , b", 0, "Q.txt: line 1: an empty answer"},
        {"\n\nwho? = a, b,", 0, "Q.txt: line 3: an empty answer"},
        {"who? = a, \"\"", 0, "Q.txt: line 1: an empty answer"},
        {"\"who?", 0, "Q.txt: line 1: a quote that is not closed"},
        {"who? = a, \"b", 0, "Q.txt: line 1: a quote that is not closed"},
        {"\"who? = a\"\"", 0, "Q.txt: line 1: a quote that is not closed"},
        {"\"", 0, "Q.txt: line 1: a quote that is not closed"},
        {"\"EXIT\" is there?", 0,
         "Q.txt: line 1: text behind a closing quote; a quote within quotes is written "
         "twice"},
        {"who? = \"a\" b", 0,
         "Q.txt: line 1: text behind a closing quote; a quote within quotes is written "
         "twice"},
        {"who\0?", 5, "Q.txt: line 1: holds a NUL byte"},
        {"who?\nwhy? = a\0", 14, "Q.txt: line 2: holds a NUL byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cli_questions q;
        vblip_error err = {0};
        const size_t size = cases[i].size ? cases[i].size : strlen(cases[i].text);
        assert_int_equal(read_lines(&q, cases[i].text, size, &err), VBLIP_ERR_ARGUMENT);
        assert_string_equal(err.message, cases[i].message);
        cli_questions_free(&q);
    }
}

// Wherever a file is cut off, it is read or refused, and what is read was in it.
static void test_cut_short(void **state)
{
    (void)state;
    static const char text[] = "# q\nwho?\n\"a \"\"b\"\" = c?\" = red, \"blue, or\"\n"
                               "why? = \"\"\"x\"\"\",y\n";
    for (size_t size = 0; size < sizeof text; size++) {
        cli_questions q;
        vblip_error err = {0};
        const vblip_status status = read_lines(&q, text, size, &err);
        assert_true(status == VBLIP_OK || status == VBLIP_ERR_ARGUMENT);
        assert_true(status == VBLIP_OK || strstr(err.message, "Q.txt: line "));
        assert_true(q.texts.count <= 3 && q.answers.count <= 4);
        cli_questions_free(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_lines_say),
        cmocka_unit_test(test_what_lines_are_refused),
        cmocka_unit_test(test_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
