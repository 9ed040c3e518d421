// test_hazards.c - a barrier stands between two commands exactly where bytes are shared.
#include "gpu/hazards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char a, b; // two buffers

#define READ(memory, first, end)                                                       \
    {                                                                                  \
        &(memory), first, end, false                                                   \
    }
#define WRITE(memory, first, end)                                                      \
    {                                                                                  \
        &(memory), first, end, true                                                    \
    }

typedef struct command {
    vb_access accesses[3];
    uint32_t count;
    bool barrier; // expected before it
} command;

static const struct scenario {
    const char *name;
    command commands[5];
    uint32_t count;
} scenarios[] = {
    {"reads never wait",
     {{{READ(a, 0, 64)}, 1, false}, {{READ(a, 0, 64)}, 1, false}},
     2},
    {"read after write",
     {{{WRITE(a, 0, 64)}, 1, false}, {{READ(a, 0, 64)}, 1, true}},
     2},
    {"write after read",
     {{{READ(a, 0, 64)}, 1, false}, {{WRITE(a, 0, 64)}, 1, true}},
     2},
    {"write after write",
     {{{WRITE(a, 0, 64)}, 1, false}, {{WRITE(a, 0, 64)}, 1, true}},
     2},
    {"another buffer",
     {{{WRITE(a, 0, 64)}, 1, false}, {{READ(b, 0, 64)}, 1, false}},
     2},
    {"neighbouring bytes",
     {{{WRITE(a, 0, 64)}, 1, false}, {{WRITE(a, 64, 128)}, 1, false}},
     2},
    {"one shared byte",
     {{{WRITE(a, 0, 64)}, 1, false}, {{READ(a, 63, 128)}, 1, true}},
     2},
    {"a range within",
     {{{READ(a, 0, 512)}, 1, false}, {{WRITE(a, 8, 12)}, 1, true}},
     2},
    {"in place", {{{WRITE(a, 0, 64), READ(a, 0, 64)}, 2, false}}, 1},
    {"second operand",
     {{{WRITE(a, 0, 64), READ(b, 0, 64)}, 2, false},
      {{WRITE(a, 64, 128), READ(b, 0, 64), READ(a, 0, 4)}, 3, true}},
     2},
    {"a barrier is taken once for all before it",
     {{{WRITE(a, 0, 64)}, 1, false},
      {{WRITE(b, 0, 64)}, 1, false},
      {{READ(a, 0, 64)}, 1, true},
      {{READ(b, 0, 64)}, 1, false},
      {{WRITE(b, 0, 64)}, 1, true}},
     5},
    {"what came after the barrier still counts",
     {{{WRITE(a, 0, 64)}, 1, false},
      {{READ(a, 0, 64), WRITE(b, 0, 64)}, 2, true},
      {{READ(b, 0, 64)}, 1, true}},
     3},
};

static void test_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        vb_hazards hazards = {0};
        for (uint32_t c = 0; c < scenarios[i].count; c++) {
            const command *now = &scenarios[i].commands[c];
            if (vb_hazards_next(&hazards, now->accesses, now->count) != now->barrier)
                fail_msg("%s: command %u: barrier %s", scenarios[i].name, c,
                         now->barrier ? "missing" : "needless");
        }
    }
}

// Two ordered commands that conflict always have a barrier between them, whatever comes
// between and however much of it.
static void test_long_lists_stay_safe(void **state)
{
    (void)state;
    vb_hazards hazards = {0};
    const vb_access write = WRITE(a, 0, 4), read = READ(a, 0, 4);
    assert_false(vb_hazards_next(&hazards, &write, 1));
    bool barrier = false;
    for (uint32_t i = 0; i < 3 * VB_HAZARD_ACCESSES; i++) {
        const vb_access other = WRITE(b, 4 * i, 4 * i + 4);
        barrier = vb_hazards_next(&hazards, &other, 1) || barrier;
    }
    barrier = vb_hazards_next(&hazards, &read, 1) || barrier;
    assert_true(barrier);
}

static void test_clear_forgets(void **state)
{
    (void)state;
    vb_hazards hazards = {0};
    const vb_access write = WRITE(a, 0, 4);
    assert_false(vb_hazards_next(&hazards, &write, 1));
    vb_hazards_clear(&hazards);
    assert_false(vb_hazards_next(&hazards, &write, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
        cmocka_unit_test(test_long_lists_stay_safe),
        cmocka_unit_test(test_clear_forgets),
    };
    return cmocka_run_group_tests_name("hazards", tests, NULL, NULL);
}
