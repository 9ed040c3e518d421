#include "blip/pickle.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A checkpoint of BLIP with its optimizer pickles to 300 kB in 20 thousand objects. The
// pickler puts at most 1000 items on the stack at a time, and a tuple whole.
enum {
    MAX_BYTES = 8 << 20,
    MAX_OBJECTS = 1 << 20,
    MAX_STACK = 1 << 16,
    MAX_MEMO = 1 << 20,
    MAX_MARKS = 256,
    MAX_GLOBAL = 128, // bytes of a module or a name
    PROTOCOL = 2,
};

// A stack of values that grows.
typedef struct values {
    vb_pickle_value *items;
    size_t count, capacity;
} values;

typedef struct opcode opcode;

typedef struct machine {
    const uint8_t *bytes;
    size_t size;
    size_t at, next;        // the opcode that runs, and what follows it
    const opcode *op;       // the one at `at`
    const uint8_t *operand; // `operand_size` bytes, part of the opcode
    size_t operand_size;
    values stack, memo;
    size_t marks[MAX_MARKS], mark_count; // heights of the stack
    size_t objects;
    bool stopped;
    const vb_pickle_global *globals;
    size_t global_count;
    vb_arena *arena;
    vblip_error *err;
} machine;

struct opcode {
    const char *name;
    vblip_status (*run)(machine *m); // NULL = refused
    size_t operand_size;
};

static vblip_status refuse(const machine *m, const char *format, ...) VB_PRINTF(2, 3);

static vblip_status refuse(const machine *m, const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return vb_fail(m->err, VBLIP_ERR_FORMAT, "byte %zu: %s: %s", m->at, m->op->name,
                   why);
}

// ------------------------------------------------------------------------- the stack

static vblip_status append(machine *m, values *v, vb_pickle_value value, size_t limit)
{
    if (v->count == v->capacity) {
        size_t capacity = v->capacity ? 2 * v->capacity : 256;
        if (v->count == limit)
            return refuse(m, "more than %zu values at a time", limit);
        vb_pickle_value *items = realloc(v->items, capacity * sizeof *items);
        if (!items)
            return vb_fail_memory(m->err, "pickle");
        v->items = items;
        v->capacity = capacity;
    }
    v->items[v->count++] = value;
    return VBLIP_OK;
}

static vblip_status push(machine *m, vb_pickle_value value)
{
    return append(m, &m->stack, value, MAX_STACK);
}

// The height that no pop may pass.
static size_t floor_of(const machine *m)
{
    return m->mark_count ? m->marks[m->mark_count - 1] : 0;
}

// Takes `count` values off the stack: *out is the lowest, valid until the next push.
static vblip_status pop(machine *m, const vb_pickle_value **out, size_t count)
{
    *out = NULL;
    size_t there = m->stack.count - floor_of(m);
    if (there < count)
        return refuse(m, "%zu values on the stack, needs %zu", there, count);
    m->stack.count -= count;
    if (count) // with nothing ever pushed there are no items to point at
        *out = m->stack.items + m->stack.count;
    return VBLIP_OK;
}

// Takes everything above the last mark, and the mark.
static vblip_status pop_mark(machine *m, const vb_pickle_value **out, size_t *count)
{
    *out = NULL;
    *count = 0;
    if (m->mark_count == 0)
        return refuse(m, "no mark on the stack");
    *count = m->stack.count - floor_of(m);
    VB_TRY(pop(m, out, *count));
    m->mark_count--;
    return VBLIP_OK;
}

// The value on top, which must be of `kind`, stays there.
static vblip_status top(machine *m, vb_pickle_value **out, vb_pickle_kind kind,
                        const char *what)
{
    *out = NULL;
    if (m->stack.count == floor_of(m))
        return refuse(m, "nothing on the stack");
    *out = &m->stack.items[m->stack.count - 1];
    if ((*out)->kind != kind)
        return refuse(m, "on top of the stack is not %s", what);
    return VBLIP_OK;
}

static vblip_status op_mark(machine *m)
{
    if (m->mark_count == MAX_MARKS)
        return refuse(m, "more than %d marks at a time", MAX_MARKS);
    m->marks[m->mark_count++] = m->stack.count;
    return VBLIP_OK;
}

static vblip_status op_stop(machine *m)
{
    if (m->stack.count != 1 || m->mark_count != 0)
        return refuse(m, "%zu values and %zu marks on the stack, expected one value",
                      m->stack.count, m->mark_count);
    m->stopped = true;
    return VBLIP_OK;
}

static vblip_status op_protocol(machine *m)
{
    if (m->at != 0)
        return refuse(m, "not at the beginning");
    if (m->operand[0] != PROTOCOL)
        return refuse(m, "protocol %d, expected %d", m->operand[0], PROTOCOL);
    return VBLIP_OK;
}

// ------------------------------------------------------------------------- the memo

static uint64_t operand(const machine *m)
{
    uint64_t value = 0;
    for (size_t i = 0; i < m->operand_size; i++)
        value |= (uint64_t)m->operand[i] << (8 * i);
    return value;
}

// Picklers number what they remember from 0.
static vblip_status op_put(machine *m)
{
    uint64_t index = operand(m);
    if (index != m->memo.count)
        return refuse(m, "memo %" PRIu64 ", expected %zu", index, m->memo.count);
    if (m->stack.count == floor_of(m))
        return refuse(m, "nothing on the stack");
    return append(m, &m->memo, m->stack.items[m->stack.count - 1], MAX_MEMO);
}

static vblip_status op_get(machine *m)
{
    uint64_t index = operand(m);
    if (index >= m->memo.count)
        return refuse(m, "memo %" PRIu64 " of %zu", index, m->memo.count);
    return push(m, m->memo.items[index]);
}

// ------------------------------------------------------------------------ plain values

static vblip_status op_none(machine *m)
{
    return push(m, (vb_pickle_value){.kind = VB_PICKLE_NONE});
}

static vblip_status op_true(machine *m)
{
    return push(m, (vb_pickle_value){.kind = VB_PICKLE_BOOL, .whole = 1});
}

static vblip_status op_false(machine *m)
{
    return push(m, (vb_pickle_value){.kind = VB_PICKLE_BOOL});
}

static vblip_status op_float(machine *m)
{
    return push(m, (vb_pickle_value){.kind = VB_PICKLE_NUMBER});
}

// Of one or two bytes, without sign.
static vblip_status op_small_int(machine *m)
{
    return push(m,
                (vb_pickle_value){.kind = VB_PICKLE_INT, .whole = (int64_t)operand(m)});
}

// `size` bytes (up to 8), two's complement.
static int64_t signed_int(const uint8_t *bytes, size_t size)
{
    uint64_t value = size && bytes[size - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value > INT64_MAX ? -(int64_t)(UINT64_MAX - value) - 1 : (int64_t)value;
}

static vblip_status op_int(machine *m)
{
    return push(m, (vb_pickle_value){.kind = VB_PICKLE_INT,
                                     .whole = signed_int(m->operand, m->operand_size)});
}

// Takes `size` bytes that follow the opcode.
static vblip_status take(machine *m, const uint8_t **out, uint64_t size)
{
    if (size > m->size - m->next)
        return refuse(m, "%" PRIu64 " bytes, of which %zu are there", size,
                      m->size - m->next);
    *out = m->bytes + m->next;
    m->next += (size_t)size;
    return VBLIP_OK;
}

static vblip_status op_long(machine *m)
{
    const uint8_t *bytes = NULL;
    size_t size = (size_t)operand(m);
    VB_TRY(take(m, &bytes, size));
    if (size > sizeof(int64_t))
        return push(m, (vb_pickle_value){.kind = VB_PICKLE_NUMBER});
    return push(
        m, (vb_pickle_value){.kind = VB_PICKLE_INT, .whole = signed_int(bytes, size)});
}

static vblip_status op_text(machine *m)
{
    const uint8_t *bytes = NULL;
    uint64_t size = operand(m);
    VB_TRY(take(m, &bytes, size));
    if (!vb_utf8_valid((const char *)bytes, (size_t)size))
        return refuse(m, "not UTF-8");
    return push(m, (vb_pickle_value){.kind = VB_PICKLE_TEXT,
                                     .count = (uint32_t)size,
                                     .text = (const char *)bytes});
}

bool vb_pickle_is_text(const vb_pickle_value *value, const char *text)
{
    return value->kind == VB_PICKLE_TEXT && value->count == strlen(text) &&
           memcmp(value->text, text, value->count) == 0;
}

// ------------------------------------------------------------------------- containers

static vblip_status count_object(machine *m)
{
    if (m->objects++ == MAX_OBJECTS)
        return refuse(m, "more than %d objects", MAX_OBJECTS);
    return VBLIP_OK;
}

static vblip_status keep(machine *m, const vb_pickle_value **out,
                         const vb_pickle_value *items, size_t count)
{
    vb_pickle_value *copy = VB_ARENA_NEW(m->arena, vb_pickle_value, count);
    if (!copy)
        return vb_fail_memory(m->err, "pickle");
    if (count)
        memcpy(copy, items, count * sizeof *copy);
    *out = copy;
    return VBLIP_OK;
}

static vblip_status push_tuple(machine *m, const vb_pickle_value *items, size_t count)
{
    VB_TRY(count_object(m));
    vb_pickle_value tuple = {.kind = VB_PICKLE_TUPLE, .count = (uint32_t)count};
    VB_TRY(keep(m, &tuple.items, items, count));
    return push(m, tuple);
}

static vblip_status op_empty_tuple(machine *m)
{
    return push_tuple(m, NULL, 0);
}

static vblip_status op_tuple(machine *m)
{
    const vb_pickle_value *items;
    size_t count;
    VB_TRY(pop_mark(m, &items, &count));
    return push_tuple(m, items, count);
}

// TUPLE1 to TUPLE3, whose codes follow one another.
static vblip_status op_short_tuple(machine *m)
{
    const vb_pickle_value *items;
    size_t count = (size_t)m->bytes[m->at] - 0x84;
    VB_TRY(pop(m, &items, count));
    return push_tuple(m, items, count);
}

static vblip_status op_list(machine *m)
{
    return push(m, (vb_pickle_value){.kind = VB_PICKLE_LIST});
}

static vblip_status op_append(machine *m)
{
    const vb_pickle_value *item;
    vb_pickle_value *list;
    VB_TRY(pop(m, &item, 1));
    return top(m, &list, VB_PICKLE_LIST, "a list");
}

static vblip_status op_appends(machine *m)
{
    const vb_pickle_value *items;
    vb_pickle_value *list;
    size_t count;
    VB_TRY(pop_mark(m, &items, &count));
    return top(m, &list, VB_PICKLE_LIST, "a list");
}

static vblip_status push_dict(machine *m)
{
    VB_TRY(count_object(m));
    vb_pickle_value dict = {.kind = VB_PICKLE_DICT,
                            .dict = VB_ARENA_NEW(m->arena, vb_pickle_dict, 1)};
    if (!dict.dict)
        return vb_fail_memory(m->err, "pickle");
    return push(m, dict);
}

// Adds `count` values, keys and values in turn, to the dict on top of the stack.
static vblip_status set_items(machine *m, const vb_pickle_value *items, size_t count)
{
    vb_pickle_value *value;
    VB_TRY(top(m, &value, VB_PICKLE_DICT, "a dict"));
    if (count % 2 != 0)
        return refuse(m, "a key without a value");
    if (count == 0)
        return VBLIP_OK;
    for (size_t i = 0; i < count; i += 2)
        if (items[i].kind == VB_PICKLE_LIST || items[i].kind == VB_PICKLE_DICT)
            return refuse(m, "a key that is a list or a dict");
    VB_TRY(count_object(m));
    vb_pickle_run *run = VB_ARENA_NEW(m->arena, vb_pickle_run, 1);
    if (!run)
        return vb_fail_memory(m->err, "pickle");
    VB_TRY(keep(m, &run->pairs, items, count));
    run->count = count / 2;
    vb_pickle_dict *dict = value->dict;
    *(dict->last ? &dict->last->next : &dict->first) = run;
    dict->last = run;
    dict->count += run->count;
    return VBLIP_OK;
}

static vblip_status op_set_item(machine *m)
{
    const vb_pickle_value *pair;
    VB_TRY(pop(m, &pair, 2));
    return set_items(m, pair, 2);
}

static vblip_status op_set_items(machine *m)
{
    const vb_pickle_value *items;
    size_t count;
    VB_TRY(pop_mark(m, &items, &count));
    return set_items(m, items, count);
}

// ----------------------------------------------------------------- globals and objects

// A line of printable ASCII after the opcode, its newline taken off.
static vblip_status take_line(machine *m, const char **out, int *size)
{
    const uint8_t *line = m->bytes + m->next;
    size_t length = 0;
    while (length < m->size - m->next && line[length] > ' ' && line[length] < 0x7F)
        length++;
    if (length == m->size - m->next)
        return refuse(m, "a name that is cut short");
    if (line[length] != '\n' || length == 0 || length > MAX_GLOBAL)
        return refuse(m, "a name that is not one");
    *out = (const char *)line;
    *size = (int)length;
    m->next += length + 1;
    return VBLIP_OK;
}

static bool is_line(const char *text, const char *line, int size)
{
    return strlen(text) == (size_t)size && memcmp(text, line, (size_t)size) == 0;
}

static vblip_status op_global(machine *m)
{
    const char *module, *name;
    int module_size, name_size;
    VB_TRY(take_line(m, &module, &module_size));
    VB_TRY(take_line(m, &name, &name_size));
    for (size_t i = 0; i < m->global_count; i++) {
        const vb_pickle_global *global = &m->globals[i];
        if (is_line(global->module, module, module_size) &&
            is_line(global->name, name, name_size))
            return push(m,
                        (vb_pickle_value){.kind = VB_PICKLE_GLOBAL, .global = global});
    }
    return vb_fail(m->err, VBLIP_ERR_FORMAT,
                   "byte %zu: global %.*s %.*s is not allowed: nothing in a checkpoint "
                   "is executed",
                   m->at, module_size, module, name_size, name);
}

// Takes a global of `use`, or of `other`, and a tuple of as many arguments as it has.
static vblip_status pop_call(machine *m, const vb_pickle_value **out, vb_pickle_use use,
                             vb_pickle_use other)
{
    VB_TRY(pop(m, out, 2));
    const vb_pickle_value *function = *out, *arguments = *out + 1;
    if (function->kind != VB_PICKLE_GLOBAL || arguments->kind != VB_PICKLE_TUPLE)
        return refuse(m, "not a global and a tuple");
    const vb_pickle_global *global = function->global;
    if (global->use != use && global->use != other)
        return refuse(m, "%s %s is not to be called", global->module, global->name);
    if (arguments->count != global->arguments)
        return refuse(m, "%s %s of %u arguments, expected %u", global->module,
                      global->name, arguments->count, global->arguments);
    return VBLIP_OK;
}

static vblip_status op_reduce(machine *m)
{
    const vb_pickle_value *pair;
    VB_TRY(pop_call(m, &pair, VB_PICKLE_CALLS, VB_PICKLE_DICTS));
    if (pair->global->use == VB_PICKLE_DICTS)
        return push_dict(m);
    VB_TRY(count_object(m));
    uint32_t count = pair[1].count + 1;
    vb_pickle_value *items = VB_ARENA_NEW(m->arena, vb_pickle_value, count);
    if (!items)
        return vb_fail_memory(m->err, "pickle");
    items[0] = pair[0];
    for (uint32_t i = 1; i < count; i++)
        items[i] = pair[1].items[i - 1];
    return push(
        m, (vb_pickle_value){.kind = VB_PICKLE_CALL, .count = count, .items = items});
}

static vblip_status op_new_object(machine *m)
{
    const vb_pickle_value *pair;
    VB_TRY(pop_call(m, &pair, VB_PICKLE_OBJECTS, VB_PICKLE_OBJECTS));
    return push(m, (vb_pickle_value){.kind = VB_PICKLE_OBJECT});
}

// State of an object, or of a dict of a class with attributes, is dropped.
static vblip_status op_build(machine *m)
{
    const vb_pickle_value *state;
    VB_TRY(pop(m, &state, 1));
    if (m->stack.count == floor_of(m))
        return refuse(m, "nothing on the stack");
    vb_pickle_kind kind = m->stack.items[m->stack.count - 1].kind;
    if (kind != VB_PICKLE_OBJECT && kind != VB_PICKLE_DICT)
        return refuse(m, "state of what has none");
    return VBLIP_OK;
}

static vblip_status op_persistent(machine *m)
{
    vb_pickle_value *id;
    VB_TRY(top(m, &id, VB_PICKLE_TUPLE, "a tuple"));
    id->kind = VB_PICKLE_PERSISTENT;
    return VBLIP_OK;
}

// ------------------------------------------------------------------------- the opcodes

// All of Python's, so that a refusal has a name.
static const opcode opcodes[256] = {
    [0x80] = {"PROTO", op_protocol, 1},
    ['('] = {"MARK", op_mark, 0},
    ['.'] = {"STOP", op_stop, 0},
    ['N'] = {"NONE", op_none, 0},
    [0x88] = {"NEWTRUE", op_true, 0},
    [0x89] = {"NEWFALSE", op_false, 0},
    ['J'] = {"BININT", op_int, 4},
    ['K'] = {"BININT1", op_small_int, 1},
    ['M'] = {"BININT2", op_small_int, 2},
    [0x8A] = {"LONG1", op_long, 1},
    ['G'] = {"BINFLOAT", op_float, 8},
    ['X'] = {"BINUNICODE", op_text, 4},
    [')'] = {"EMPTY_TUPLE", op_empty_tuple, 0},
    [0x85] = {"TUPLE1", op_short_tuple, 0},
    [0x86] = {"TUPLE2", op_short_tuple, 0},
    [0x87] = {"TUPLE3", op_short_tuple, 0},
    ['t'] = {"TUPLE", op_tuple, 0},
    [']'] = {"EMPTY_LIST", op_list, 0},
    ['a'] = {"APPEND", op_append, 0},
    ['e'] = {"APPENDS", op_appends, 0},
    ['}'] = {"EMPTY_DICT", push_dict, 0},
    ['s'] = {"SETITEM", op_set_item, 0},
    ['u'] = {"SETITEMS", op_set_items, 0},
    ['q'] = {"BINPUT", op_put, 1},
    ['r'] = {"LONG_BINPUT", op_put, 4},
    ['h'] = {"BINGET", op_get, 1},
    ['j'] = {"LONG_BINGET", op_get, 4},
    ['c'] = {"GLOBAL", op_global, 0},
    ['R'] = {"REDUCE", op_reduce, 0},
    [0x81] = {"NEWOBJ", op_new_object, 0},
    ['b'] = {"BUILD", op_build, 0},
    ['Q'] = {"BINPERSID", op_persistent, 0},

    ['0'] = {.name = "POP"},
    ['1'] = {.name = "POP_MARK"},
    ['2'] = {.name = "DUP"},
    ['F'] = {.name = "FLOAT"},
    ['I'] = {.name = "INT"},
    ['L'] = {.name = "LONG"},
    ['P'] = {.name = "PERSID"},
    ['S'] = {.name = "STRING"},
    ['T'] = {.name = "BINSTRING"},
    ['U'] = {.name = "SHORT_BINSTRING"},
    ['V'] = {.name = "UNICODE"},
    ['d'] = {.name = "DICT"},
    ['g'] = {.name = "GET"},
    ['i'] = {.name = "INST"},
    ['l'] = {.name = "LIST"},
    ['o'] = {.name = "OBJ"},
    ['p'] = {.name = "PUT"},
    ['B'] = {.name = "BINBYTES"},
    ['C'] = {.name = "SHORT_BINBYTES"},
    [0x82] = {.name = "EXT1"},
    [0x83] = {.name = "EXT2"},
    [0x84] = {.name = "EXT4"},
    [0x8B] = {.name = "LONG4"},
    [0x8C] = {.name = "SHORT_BINUNICODE"},
    [0x8D] = {.name = "BINUNICODE8"},
    [0x8E] = {.name = "BINBYTES8"},
    [0x8F] = {.name = "EMPTY_SET"},
    [0x90] = {.name = "ADDITEMS"},
    [0x91] = {.name = "FROZENSET"},
    [0x92] = {.name = "NEWOBJ_EX"},
    [0x93] = {.name = "STACK_GLOBAL"},
    [0x94] = {.name = "MEMOIZE"},
    [0x95] = {.name = "FRAME"},
    [0x96] = {.name = "BYTEARRAY8"},
    [0x97] = {.name = "NEXT_BUFFER"},
    [0x98] = {.name = "READONLY_BUFFER"},
};

static vblip_status step(machine *m)
{
    if (m->next == m->size)
        return vb_fail(m->err, VBLIP_ERR_FORMAT, "ends at byte %zu without STOP",
                       m->size);
    m->at = m->next;
    uint8_t code = m->bytes[m->at];
    const opcode *op = m->op = &opcodes[code];
    if (!op->name)
        return vb_fail(m->err, VBLIP_ERR_FORMAT, "byte %zu: 0x%02x is no opcode", m->at,
                       code);
    if (!op->run)
        return refuse(m, "not an opcode that torch.save writes");
    if (m->size - m->at - 1 < op->operand_size)
        return refuse(m, "ends at byte %zu", m->size);
    m->operand = m->bytes + m->at + 1;
    m->operand_size = op->operand_size;
    m->next = m->at + 1 + op->operand_size;
    return op->run(m);
}

static vblip_status run(machine *m)
{
    if (m->size > MAX_BYTES)
        return vb_fail(m->err, VBLIP_ERR_FORMAT, "%zu bytes, at most %d expected",
                       m->size, MAX_BYTES);
    if (m->size && m->bytes[0] != 0x80)
        return vb_fail(m->err, VBLIP_ERR_FORMAT, "byte 0: 0x%02x, expected PROTO",
                       m->bytes[0]);
    while (!m->stopped)
        VB_TRY(step(m));
    if (m->next != m->size)
        return vb_fail(m->err, VBLIP_ERR_FORMAT, "%zu bytes after STOP",
                       m->size - m->next);
    return VBLIP_OK;
}

vblip_status vb_pickle_parse(vb_pickle_value *out, vb_arena *arena,
                             const uint8_t *bytes, size_t size,
                             const vb_pickle_global *globals, size_t count,
                             vblip_error *err)
{
    *out = (vb_pickle_value){0};
    machine m = {.bytes = bytes,
                 .size = size,
                 .globals = globals,
                 .global_count = count,
                 .arena = arena,
                 .err = err};
    vblip_status status = run(&m);
    if (status == VBLIP_OK)
        *out = m.stack.items[0];
    free(m.stack.items);
    free(m.memo.items);
    return status;
}
