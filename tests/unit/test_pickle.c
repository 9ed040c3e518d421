// test_pickle.c - a pickle becomes the graph it describes, or is refused by name.
#include "formats/pickle.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// What the pickles here may name.
static const vb_pickle_global globals[] = {
    {"m", "call", VB_PICKLE_CALLS, 2},
    {"m", "Dict", VB_PICKLE_DICTS, 0},
    {"m", "Object", VB_PICKLE_OBJECTS, 0},
    {.module = "m", .name = "Name"},
};

static vblip_status parse_at(vb_pickle_value *out, vb_arena *arena, const void *bytes,
                             size_t size, vblip_error *err)
{
    return vb_pickle_parse(out, arena, bytes, size, globals,
                           sizeof globals / sizeof *globals, err);
}

// Parses a copy of exact size, so that ASan sees a read one byte past the end.
static vblip_status parse(const void *bytes, size_t size, vblip_error *err)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    vb_arena arena = {0};
    vb_pickle_value value;
    vblip_status status = parse_at(&value, &arena, copy, size, err);
    vb_arena_free(&arena);
    free(copy);
    return status;
}

// --------------------------------------------------------------------------- good ones

#define P "\200\2" // PROTO 2

// A pickle as a string literal, which may hold NULs.
#define BYTES(literal) (literal), sizeof(literal) - 1

static vb_pickle_value read_good(vb_arena *arena, const char *bytes, size_t size)
{
    vb_pickle_value value;
    vblip_error err = {0};
    if (parse_at(&value, arena, bytes, size, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    return value;
}

static void test_reads_whole_numbers(void **state)
{
    (void)state;
    static const struct number {
        const char *bytes;
        size_t size;
        int64_t value;
    } numbers[] = {
        {BYTES(P "K\0."), 0},
        {BYTES(P "K\377."), 255},
        {BYTES(P "M\0\1."), 256},
        {BYTES(P "M\377\377."), 65535},
        {BYTES(P "J\0\0\1\0."), 65536},
        {BYTES(P "J\377\377\377\377."), -1},
        {BYTES(P "J\0\0\0\200."), INT32_MIN},
        {BYTES(P "\212\0."), 0},
        {BYTES(P "\212\1\376."), -2},
        {BYTES(P "\212\5\0\0\0\200\0."), 1ll << 31},
        {BYTES(P "\212\10\0\0\0\0\0\0\0\200."), INT64_MIN},
        {BYTES(P "\212\10\377\377\377\377\377\377\377\177."), INT64_MAX},
    };
    vb_arena arena = {0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        vb_pickle_value v = read_good(&arena, numbers[i].bytes, numbers[i].size);
        if (v.kind != VB_PICKLE_INT || v.whole != numbers[i].value)
            fail_msg("number %zu: kind %d, value %lld", i, (int)v.kind,
                     (long long)v.whole);
    }
    vb_arena_free(&arena);
}

static void test_reads_other_plain_values(void **state)
{
    (void)state;
    vb_arena arena = {0};
    assert_int_equal(read_good(&arena, BYTES(P "N.")).kind, VB_PICKLE_NONE);
    vb_pickle_value v = read_good(&arena, BYTES(P "\210."));
    assert_int_equal(v.kind, VB_PICKLE_BOOL);
    assert_int_equal(v.whole, 1);
    v = read_good(&arena, BYTES(P "\211."));
    assert_int_equal(v.kind, VB_PICKLE_BOOL);
    assert_int_equal(v.whole, 0);
    v = read_good(&arena, BYTES(P "G\77\360\0\0\0\0\0\0."));
    assert_int_equal(v.kind, VB_PICKLE_NUMBER);
    v = read_good(&arena, BYTES(P "\212\11\0\0\0\0\0\0\0\0\1."));
    assert_int_equal(v.kind, VB_PICKLE_NUMBER);
    v = read_good(&arena, BYTES(P "X\3\0\0\0o\303\251."));
    assert_int_equal(v.kind, VB_PICKLE_TEXT);
    assert_true(vb_pickle_is_text(&v, "o\303\251"));
    assert_false(vb_pickle_is_text(&v, "o"));
    assert_false(vb_pickle_is_text(&v, "o\303\251s"));
    v = read_good(&arena, BYTES(P "X\0\0\0\0."));
    assert_true(vb_pickle_is_text(&v, ""));
    v = read_good(&arena, BYTES(P "cm\nName\n."));
    assert_int_equal(v.kind, VB_PICKLE_GLOBAL);
    assert_ptr_equal(v.global, &globals[3]);
    v = read_good(&arena, BYTES(P "](K\1K\2eNa."));
    assert_int_equal(v.kind, VB_PICKLE_LIST);
    v = read_good(&arena, BYTES(P "cm\nObject\n)\201}b."));
    assert_int_equal(v.kind, VB_PICKLE_OBJECT);
    vb_arena_free(&arena);
}

static void check_ints(const vb_pickle_value *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(items[i].kind, VB_PICKLE_INT);
        assert_int_equal(items[i].whole, i + 1);
    }
}

static void test_reads_tuples(void **state)
{
    (void)state;
    static const struct tuple {
        const char *bytes;
        size_t size;
        uint32_t count;
    } tuples[] = {
        {BYTES(P ")."), 0},          {BYTES(P "K\1\205."), 1},
        {BYTES(P "K\1K\2\206."), 2}, {BYTES(P "K\1K\2K\3\207."), 3},
        {BYTES(P "(t."), 0},         {BYTES(P "(K\1K\2K\3K\4t."), 4},
    };
    vb_arena arena = {0};
    for (size_t i = 0; i < sizeof tuples / sizeof *tuples; i++) {
        vb_pickle_value v = read_good(&arena, tuples[i].bytes, tuples[i].size);
        assert_int_equal(v.kind, VB_PICKLE_TUPLE);
        assert_int_equal(v.count, tuples[i].count);
        check_ints(v.items, v.count);
    }
    vb_arena_free(&arena);
}

// Keys and values 1 to 8 in three runs, through a memo, and state that is dropped.
static void test_reads_dicts_in_the_order_they_were_filled(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vb_pickle_value v =
        read_good(&arena, BYTES(P "cm\nDict\n)Rq\0K\1K\2s(K\3K\4K\5K\6u(uK\7K\10s"
                                  "}X\1\0\0\0xh\0s"
                                  "b."));
    assert_int_equal(v.kind, VB_PICKLE_DICT);
    assert_int_equal(v.dict->count, 4);
    int64_t next = 1;
    for (const vb_pickle_run *run = v.dict->first; run; run = run->next)
        for (size_t i = 0; i < 2 * run->count; i++)
            assert_int_equal(run->pairs[i].whole, next++);
    assert_int_equal(next, 9);
    assert_int_equal(read_good(&arena, BYTES(P "}.")).dict->count, 0);
    vb_arena_free(&arena);
}

static void test_makes_calls_into_values(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vb_pickle_value v =
        read_good(&arena, BYTES(P "cm\ncall\n(X\1\0\0\0sK\7tQK\1K\2\206\206R\205."));
    assert_int_equal(v.kind, VB_PICKLE_TUPLE);
    v = v.items[0];
    assert_int_equal(v.kind, VB_PICKLE_CALL);
    assert_int_equal(v.count, 3);
    assert_int_equal(v.items[0].kind, VB_PICKLE_GLOBAL);
    assert_ptr_equal(v.items[0].global, &globals[0]);
    assert_int_equal(v.items[1].kind, VB_PICKLE_PERSISTENT);
    assert_int_equal(v.items[1].count, 2);
    assert_true(vb_pickle_is_text(&v.items[1].items[0], "s"));
    assert_int_equal(v.items[1].items[1].whole, 7);
    assert_int_equal(v.items[2].kind, VB_PICKLE_TUPLE);
    check_ints(v.items[2].items, v.items[2].count);
    vb_arena_free(&arena);
}

// With every opcode that protocols above 2 add, and bytes, of which nothing is kept.
static const char new_opcodes[] =
    "\200\5\225\121\0\0\0\0\0\0\0("
    "\214\2os\214\6system\223\224)}\222"
    "\215\2\0\0\0\0\0\0\0ab\213\1\0\0\0\7"
    "B\2\0\0\0abC\1a\216\1\0\0\0\0\0\0\0a\226\1\0\0\0\0\0\0\0a"
    "\217(NN\220(N\221N0(NN1t.";

static void test_reads_what_newer_protocols_write(void **state)
{
    (void)state;
    static const vb_pickle_kind kinds[] = {
        VB_PICKLE_FOREIGN, VB_PICKLE_TEXT,    VB_PICKLE_INT,
        VB_PICKLE_FOREIGN, VB_PICKLE_FOREIGN, VB_PICKLE_FOREIGN,
        VB_PICKLE_FOREIGN, VB_PICKLE_FOREIGN, VB_PICKLE_FOREIGN,
    };
    enum { COUNT = sizeof kinds / sizeof *kinds };
    vb_arena arena = {0};
    vb_pickle_value v = read_good(&arena, new_opcodes, sizeof new_opcodes - 1);
    assert_int_equal(v.kind, VB_PICKLE_TUPLE);
    assert_int_equal(v.count, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(v.items[i].kind, kinds[i]);
    assert_string_equal(v.items[0].global->module, "os");
    assert_string_equal(v.items[0].global->name, "system");
    assert_true(vb_pickle_is_text(&v.items[1], "ab"));
    assert_int_equal(v.items[2].whole, 7);

    // names of the table are found by either opcode, and the memo by MEMOIZE
    v = read_good(&arena, BYTES("\200\4\214\1m\224\214\4Dict\223)R\224h\0h\1\207."));
    assert_int_equal(v.kind, VB_PICKLE_TUPLE);
    assert_int_equal(v.items[0].kind, VB_PICKLE_DICT);
    assert_true(vb_pickle_is_text(&v.items[1], "m"));
    assert_ptr_equal(v.items[2].dict, v.items[0].dict);
    vb_arena_free(&arena);
}

// A dict that holds itself: whoever walks it must not follow every reference.
static void test_reads_circles(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vb_pickle_value v = read_good(&arena, BYTES(P "}q\0K\1h\0s."));
    assert_ptr_equal(v.dict->first->pairs[1].dict, v.dict);
    vb_arena_free(&arena);
}

// ---------------------------------------------------------------------------- refusals

static const struct bad_pickle {
    const char *message, *bytes;
    size_t size;
} bad_pickles[] = {
    // the frame
    {"ends at byte 0 without STOP", BYTES("")},
    {"byte 0: 0x28, expected PROTO", BYTES("(.")},
    {"byte 0: PROTO: ends at byte 1", BYTES("\200")},
    {"byte 0: PROTO: protocol 1, expected 2 to 5", BYTES("\200\1N.")},
    {"byte 0: PROTO: protocol 6, expected 2 to 5", BYTES("\200\6N.")},
    {"byte 2: PROTO: not at the beginning", BYTES(P P "N.")},
    {"ends at byte 3 without STOP", BYTES(P "N")},
    {"byte 2: STOP: 0 values and 0 marks on the stack, expected one value",
     BYTES(P ".")},
    {"byte 4: STOP: 2 values and 0 marks on the stack, expected one value",
     BYTES(P "NN.")},
    {"byte 4: STOP: 1 values and 1 marks on the stack, expected one value",
     BYTES(P "N(.")},
    {"1 bytes after STOP", BYTES(P "N.N")},
    {"4 bytes after STOP", BYTES(P "N." P "N.")},

    // opcodes
    {"byte 3: 0x00 is no opcode", BYTES(P "N\0.")},
    {"byte 3: DUP: not an opcode that torch.save writes", BYTES(P "N2.")},
    {"byte 3: INST: not an opcode that torch.save writes", BYTES(P "(ios\nsystem\n.")},
    {"byte 2: STRING: not an opcode that torch.save writes", BYTES(P "S'a'\n.")},
    {"byte 2: SHORT_BINSTRING: not an opcode that torch.save writes", BYTES(P "U\1a.")},
    {"byte 2: LONG4: 2147483647 bytes, of which 1 are there",
     BYTES(P "\213\377\377\377\177.")},
    {"byte 2: SHORT_BINUNICODE: 2 bytes, of which 1 are there", BYTES(P "\214\2.")},
    {"byte 2: FRAME: 9 bytes, of which 1 are there", BYTES(P "\225\11\0\0\0\0\0\0\0.")},
    {"byte 4: NEWOBJ_EX: 2 values on the stack, needs 3", BYTES(P "NN\222.")},
    {"byte 5: NEWOBJ_EX: not of a foreign class", BYTES(P "NNN\222.")},
    {"byte 2: ADDITEMS: no mark on the stack", BYTES(P "\220.")},
    {"byte 3: ADDITEMS: nothing on the stack", BYTES(P "(\220.")},
    {"byte 5: ADDITEMS: on top of the stack is not a set", BYTES(P "](N\220.")},
    {"byte 2: FROZENSET: no mark on the stack", BYTES(P "\221.")},
    {"byte 2: POP: 0 values on the stack, needs 1", BYTES(P "0N.")},
    {"byte 4: POP: 0 values on the stack, needs 1", BYTES(P "N(0.")},
    {"byte 2: POP_MARK: no mark on the stack", BYTES(P "1N.")},
    {"byte 2: MEMOIZE: nothing on the stack", BYTES(P "\224N.")},
    {"byte 2: EXT1: not an opcode that torch.save writes", BYTES(P "\202\1.")},
    {"byte 4: STACK_GLOBAL: a name that is not one", BYTES(P "NN\223.")},
    {"byte 5: STACK_GLOBAL: 1 values on the stack, needs 2", BYTES(P "\214\1m\223.")},
    {"byte 7: STACK_GLOBAL: a name that is not one", BYTES(P "\214\1m\214\0\223.")},
    {"byte 9: STACK_GLOBAL: a name that is not one", BYTES(P "\214\1m\214\2a\n\223.")},
    {"byte 9: STACK_GLOBAL: a name that is not one",
     BYTES(P "\214\1m\214\2\303\251\223.")},
    {"byte 2: PERSID: not an opcode that torch.save writes", BYTES(P "Pa\n.")},
    {"byte 2: OBJ: not an opcode that torch.save writes", BYTES(P "o.")},

    // operands
    {"byte 2: BININT: ends at byte 6", BYTES(P "J\0\0\0")},
    {"byte 2: BINFLOAT: ends at byte 10", BYTES(P "G\0\0\0\0\0\0\0")},
    {"byte 2: BINUNICODE: 3 bytes, of which 2 are there", BYTES(P "X\3\0\0\0a.")},
    {"byte 2: BINUNICODE: 4294967295 bytes, of which 2 are there",
     BYTES(P "X\377\377\377\377a.")},
    {"byte 2: BINUNICODE: not UTF-8", BYTES(P "X\1\0\0\0\377.")},
    {"byte 2: BINUNICODE: not UTF-8", BYTES(P "X\3\0\0\0\355\240\200.")},
    {"byte 2: LONG1: 255 bytes, of which 1 are there", BYTES(P "\212\377.")},
    {"byte 2: LONG4: ends at byte 6", BYTES(P "\213\1\0\0")},
    {"byte 2: SHORT_BINUNICODE: ends at byte 3", BYTES(P "\214")},
    {"byte 2: SHORT_BINUNICODE: not UTF-8", BYTES(P "\214\1\377.")},
    {"byte 2: BINUNICODE8: ends at byte 10", BYTES(P "\215\1\0\0\0\0\0\0")},
    {"byte 2: BINUNICODE8: not UTF-8", BYTES(P "\215\1\0\0\0\0\0\0\0\377.")},
    {"byte 2: BINUNICODE8: 18446744073709551615 bytes, of which 1 are there",
     BYTES(P "\215\377\377\377\377\377\377\377\377.")},
    {"byte 2: BINBYTES: 4294967295 bytes, of which 1 are there",
     BYTES(P "B\377\377\377\377.")},
    {"byte 2: SHORT_BINBYTES: 2 bytes, of which 1 are there", BYTES(P "C\2.")},
    {"byte 2: BINBYTES8: 9223372036854775808 bytes, of which 1 are there",
     BYTES(P "\216\0\0\0\0\0\0\0\200.")},
    {"byte 2: BYTEARRAY8: 2 bytes, of which 1 are there",
     BYTES(P "\226\2\0\0\0\0\0\0\0.")},
    {"byte 2: FRAME: ends at byte 9", BYTES(P "\225\0\0\0\0\0\0")},
    {"byte 2: FRAME: 18446744073709551615 bytes, of which 1 are there",
     BYTES(P "\225\377\377\377\377\377\377\377\377.")},

    // the stack
    {"byte 2: TUPLE: no mark on the stack", BYTES(P "t.")},
    {"byte 2: TUPLE1: 0 values on the stack, needs 1", BYTES(P "\205.")},
    {"byte 4: TUPLE3: 2 values on the stack, needs 3", BYTES(P "NN\207.")},
    {"byte 4: TUPLE1: 0 values on the stack, needs 1", BYTES(P "N(\205.")},
    {"byte 3: SETITEMS: no mark on the stack", BYTES(P "}u.")},
    {"byte 3: SETITEMS: nothing on the stack", BYTES(P "(u.")},
    {"byte 6: SETITEMS: on top of the stack is not a dict", BYTES(P "](NNu.")},
    {"byte 5: SETITEMS: a key without a value", BYTES(P "}(Nu.")},
    {"byte 4: SETITEM: nothing on the stack", BYTES(P "NNs.")},
    {"byte 3: SETITEM: 1 values on the stack, needs 2", BYTES(P "Ns.")},
    {"byte 5: SETITEM: on top of the stack is not a dict", BYTES(P ")NNs.")},
    {"byte 5: SETITEM: a key that is a list or a dict", BYTES(P "}]Ns.")},
    {"byte 5: SETITEM: a key that is a list or a dict", BYTES(P "}}Ns.")},
    {"byte 3: APPEND: nothing on the stack", BYTES(P "Na.")},
    {"byte 4: APPEND: on top of the stack is not a list", BYTES(P "}Na.")},
    {"byte 5: APPENDS: on top of the stack is not a list", BYTES(P "}(Ne.")},
    {"byte 2: APPENDS: no mark on the stack", BYTES(P "e.")},

    // the memo
    {"byte 3: BINPUT: memo 1, expected 0", BYTES(P "Nq\1.")},
    {"byte 5: BINPUT: memo 0, expected 1", BYTES(P "Nq\0q\0.")},
    {"byte 3: LONG_BINPUT: memo 4294967295, expected 0",
     BYTES(P "Nr\377\377\377\377.")},
    {"byte 2: BINPUT: nothing on the stack", BYTES(P "q\0.")},
    {"byte 4: BINPUT: nothing on the stack", BYTES(P "N(q\0.")},
    {"byte 2: BINGET: memo 0 of 0", BYTES(P "h\0.")},
    {"byte 5: LONG_BINGET: memo 4294967295 of 1", BYTES(P "Nq\0j\377\377\377\377.")},

    // calls
    {"byte 3: REDUCE: 1 values on the stack, needs 2", BYTES(P ")R.")},
    {"byte 4: REDUCE: not a global and a tuple", BYTES(P "N)R.")},
    {"byte 11: REDUCE: not a global and a tuple", BYTES(P "cm\ncall\n]R.")},
    {"byte 11: REDUCE: m call of 0 arguments, expected 2", BYTES(P "cm\ncall\n)R.")},
    {"byte 12: REDUCE: m Dict of 1 arguments, expected 0",
     BYTES(P "cm\nDict\nN\205R.")},
    {"byte 11: REDUCE: m Name is not to be called", BYTES(P "cm\nName\n)R.")},
    {"byte 13: REDUCE: m Object is not to be called", BYTES(P "cm\nObject\n)R.")},
    {"byte 11: NEWOBJ: m Dict is not to be called", BYTES(P "cm\nDict\n)\201.")},
    {"byte 4: NEWOBJ: not a global and a tuple", BYTES(P "N)\201.")},
    {"byte 2: BUILD: 0 values on the stack, needs 1", BYTES(P "b.")},
    {"byte 3: BUILD: nothing on the stack", BYTES(P "}b.")},
    {"byte 4: BUILD: state of what has none", BYTES(P "]}b.")},
    {"byte 11: BUILD: state of what has none", BYTES(P "cm\nName\n}b.")},
    {"byte 2: BINPERSID: nothing on the stack", BYTES(P "Q.")},
    {"byte 3: BINPERSID: on top of the stack is not a tuple", BYTES(P "NQ.")},

    // globals
    {"byte 2: GLOBAL: a name that is cut short", BYTES(P "cos")},
    {"byte 2: GLOBAL: a name that is cut short", BYTES(P "cos\nsystem")},
    {"byte 2: GLOBAL: a name that is not one", BYTES(P "c\nsystem\n.")},
    {"byte 2: GLOBAL: a name that is not one", BYTES(P "cos\n\n.")},
    {"byte 2: GLOBAL: a name that is not one", BYTES(P "cos\nsys\33[2Jtem\n.")},
    {"byte 2: GLOBAL: a name that is not one", BYTES(P "cos\nsys tem\n.")},
    {"byte 2: GLOBAL: a name that is not one", BYTES(P "cos\r\nsystem\r\n.")},
};

static void check_refused(const char *message, const void *bytes, size_t size)
{
    vblip_error err = {0};
    vblip_status status = parse(bytes, size, &err);
    if (status != VBLIP_ERR_FORMAT || strcmp(err.message, message) != 0)
        fail_msg("status %d, message \"%s\",\n expected \"%s\"", status, err.message,
                 message);
}

static void test_refuses_bad_pickles(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_pickles / sizeof *bad_pickles; i++)
        check_refused(bad_pickles[i].message, bad_pickles[i].bytes,
                      bad_pickles[i].size);
}

// Every one of these runs code in a reader that imports what it is told to.
static void test_globals_outside_the_table_are_inert(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"os", "system"},
        {"posix", "system"},
        {"nt", "system"},
        {"subprocess", "Popen"},
        {"builtins", "eval"},
        {"builtins", "exec"},
        {"builtins", "getattr"},
        {"__builtin__", "eval"},
        {"__builtin__", "exec"},
        {"__main__", "Model"},
        {"copyreg", "_reconstructor"},
        {"importlib", "import_module"},
        {"runpy", "_run_code"},
        {"torch.hub", "load"},
        {"torch.storage", "_load_from_bytes"},
        {"numpy.core.multiarray", "scalar"},
        // almost the ones that are allowed
        {"m", "Call"},
        {"m", "calls"},
        {"m", "cal"},
        {"M", "call"},
        {"m.m", "call"},
        {"m", "m.call"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char bytes[128];
        int size =
            snprintf(bytes, sizeof bytes, P "c%s\n%s\n)R.", names[i][0], names[i][1]);
        vb_arena arena = {0};
        vb_pickle_value v = read_good(&arena, bytes, (size_t)size);
        assert_int_equal(v.kind, VB_PICKLE_FOREIGN);
        assert_string_equal(v.global->module, names[i][0]);
        assert_string_equal(v.global->name, names[i][1]);
        vb_arena_free(&arena);
    }
    // whatever is done with one makes no more of it
    static const char *const uses[] = {")R",    ")R}b",   ")R(NNu", ")R(Ne", ")RNa",
                                       ")\201", ")}\222", ")RNNs",  ")R)R"};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        char bytes[64];
        const int size = snprintf(bytes, sizeof bytes, P "cos\nsystem\n%s.", uses[i]);
        vb_arena arena = {0};
        vb_pickle_value v = read_good(&arena, bytes, (size_t)size);
        assert_int_equal(v.kind, VB_PICKLE_FOREIGN);
        vb_arena_free(&arena);
    }
    char bytes[200] = P "cos\n";
    memset(bytes + 6, 'x', 129);
    bytes[135] = '\n';
    check_refused("byte 2: GLOBAL: a name that is not one", bytes, 136);
}

// PROTO, `head`, then `count` times the `size` bytes of `unit`.
static vb_string repeat(const char *head, const char *unit, size_t size, size_t count)
{
    vb_string s = {0};
    assert_true(vb_string_append(&s, P, 2));
    assert_true(vb_string_append(&s, head, strlen(head)));
    for (size_t i = 0; i < count; i++)
        assert_true(vb_string_append(&s, unit, size));
    return s;
}

static void check_bound(const char *message, vb_string s)
{
    check_refused(message, s.bytes, s.size);
    vb_string_free(&s);
}

static void test_bounds_what_a_pickle_may_ask_for(void **state)
{
    (void)state;
    check_bound("8388609 bytes, at most 8388608 expected",
                repeat("", "N", 1, (8 << 20) - 1));
    check_bound("byte 65538: NONE: more than 65536 values at a time",
                repeat("", "N", 1, 65537));
    check_bound("byte 258: MARK: more than 256 marks at a time",
                repeat("", "(", 1, 257));
    check_bound("byte 2097153: EMPTY_TUPLE: more than 1048576 objects",
                repeat("}", ")b", 2, 1 << 20));
    vb_string s = repeat("N", "r\0\0\0\0", 5, (1 << 20) + 1);
    for (size_t i = 0; i <= 1 << 20; i++)
        for (int b = 0; b < 4; b++)
            s.bytes[4 + 5 * i + (size_t)b] = (char)(i >> (8 * b));
    check_bound("byte 5242883: LONG_BINPUT: more than 1048576 values at a time", s);
}

// With every opcode of protocol 2 that is read.
static const char old_opcodes[] =
    P "(cm\nDict\n)Rq\0(X\3\0\0\0keyJ\0\0\0\0M\1\0\212\1\1N\210\211]uX\1\0\0\0xNs}bcm\n"
      "call\n(K\1tQG\0\0\0\0\0\0\0\0\206Rr\1\0\0\0](NNeNah\0j\1\0\0\0K\1\205K\1K\2\206"
      "K\1K\2K\3\207cm\nObject\n)\201t.";

static const struct walk {
    const char *bytes;
    size_t size;
} walks[] = {
    {old_opcodes, sizeof old_opcodes - 1},
    {new_opcodes, sizeof new_opcodes - 1},
};
enum { WALKS = sizeof walks / sizeof *walks };

// Cut anywhere, a pickle is refused with a reason.
static void test_refuses_every_truncation(void **state)
{
    (void)state;
    for (int w = 0; w < WALKS; w++) {
        assert_int_equal(parse(walks[w].bytes, walks[w].size, NULL), VBLIP_OK);
        for (size_t size = 0; size < walks[w].size; size++) {
            vblip_error err = {0};
            assert_int_equal(parse(walks[w].bytes, size, &err), VBLIP_ERR_FORMAT);
            assert_true(err.message[0] != '\0');
        }
    }
}

// Whatever a changed byte makes of it, no read leaves the pickle (ASan).
static void test_survives_every_changed_byte(void **state)
{
    (void)state;
    char bytes[sizeof old_opcodes + sizeof new_opcodes];
    for (int w = 0; w < WALKS; w++) {
        const size_t size = walks[w].size;
        size_t refused = 0;
        for (size_t at = 0; at < size; at++)
            for (int change = 1; change < 256; change++) {
                memcpy(bytes, walks[w].bytes, size);
                bytes[at] = (char)((unsigned char)bytes[at] ^ change);
                refused += parse(bytes, size, NULL) != VBLIP_OK;
            }
        assert_true(refused > 64 * size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_whole_numbers),
        cmocka_unit_test(test_reads_other_plain_values),
        cmocka_unit_test(test_reads_tuples),
        cmocka_unit_test(test_reads_dicts_in_the_order_they_were_filled),
        cmocka_unit_test(test_makes_calls_into_values),
        cmocka_unit_test(test_reads_what_newer_protocols_write),
        cmocka_unit_test(test_reads_circles),
        cmocka_unit_test(test_refuses_bad_pickles),
        cmocka_unit_test(test_globals_outside_the_table_are_inert),
        cmocka_unit_test(test_bounds_what_a_pickle_may_ask_for),
        cmocka_unit_test(test_refuses_every_truncation),
        cmocka_unit_test(test_survives_every_changed_byte),
    };
    return cmocka_run_group_tests_name("pickle", tests, NULL, NULL);
}
