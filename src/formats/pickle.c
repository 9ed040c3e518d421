#include "formats/pickle.h"

#include "base/text.h"
#include "formats/pickle_machine.h"

#include <inttypes.h>
#include <string.h>

// A checkpoint of BLIP with its optimizer pickles to 300 kB in 20 thousand objects.
enum {
    MAX_OBJECTS = 1 << 20,
    MAX_GLOBAL = 128, // bytes of a module or a name
    FIRST_PROTOCOL = 2,
    LAST_PROTOCOL = 5,
};

static vblip_status op_protocol(vb_machine *m)
{
    if (m->at != 0)
        return vb_machine_refuse(m, "not at the beginning");
    if (m->operand[0] < FIRST_PROTOCOL || m->operand[0] > LAST_PROTOCOL)
        return vb_machine_refuse(m, "protocol %d, expected %d to %d", m->operand[0],
                                 FIRST_PROTOCOL, LAST_PROTOCOL);
    return VBLIP_OK;
}

static vblip_status op_stop(vb_machine *m)
{
    if (m->stack.count != 1 || m->mark_count != 0)
        return vb_machine_refuse(
            m, "%zu values and %zu marks on the stack, expected one value",
            m->stack.count, m->mark_count);
    m->stopped = true;
    return VBLIP_OK;
}

static uint64_t operand(const vb_machine *m)
{
    uint64_t value = 0;
    for (size_t i = 0; i < m->operand_size; i++)
        value |= (uint64_t)m->operand[i] << (8 * i);
    return value;
}

static vblip_status op_put(vb_machine *m)
{
    return vb_machine_put(m, operand(m));
}

static vblip_status op_get(vb_machine *m)
{
    return vb_machine_get(m, operand(m));
}

// The value on top of the stack must be of `kind`, or foreign, which can be anything.
static vblip_status top(vb_machine *m, vb_pickle_value **out, vb_pickle_kind kind,
                        const char *what)
{
    VB_TRY(vb_machine_top(m, out));
    if ((*out)->kind != kind && (*out)->kind != VB_PICKLE_FOREIGN)
        return vb_machine_refuse(m, "on top of the stack is not %s", what);
    return VBLIP_OK;
}

// ------------------------------------------------------------------------ plain values

static vblip_status op_none(vb_machine *m)
{
    return vb_machine_push(m, (vb_pickle_value){.kind = VB_PICKLE_NONE});
}

static vblip_status op_true(vb_machine *m)
{
    return vb_machine_push(m, (vb_pickle_value){.kind = VB_PICKLE_BOOL, .whole = 1});
}

static vblip_status op_false(vb_machine *m)
{
    return vb_machine_push(m, (vb_pickle_value){.kind = VB_PICKLE_BOOL});
}

static vblip_status op_float(vb_machine *m)
{
    return vb_machine_push(m, (vb_pickle_value){.kind = VB_PICKLE_NUMBER});
}

// Of one or two bytes, without sign.
static vblip_status op_small_int(vb_machine *m)
{
    return vb_machine_push(
        m, (vb_pickle_value){.kind = VB_PICKLE_INT, .whole = (int64_t)operand(m)});
}

// `size` bytes (up to 8), two's complement.
static int64_t signed_int(const uint8_t *bytes, size_t size)
{
    uint64_t value = size && bytes[size - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value > INT64_MAX ? -(int64_t)(UINT64_MAX - value) - 1 : (int64_t)value;
}

static vblip_status op_int(vb_machine *m)
{
    return vb_machine_push(
        m, (vb_pickle_value){.kind = VB_PICKLE_INT,
                             .whole = signed_int(m->operand, m->operand_size)});
}

// Takes `size` bytes that follow the opcode.
static vblip_status pickle_take(vb_machine *m, const uint8_t **out, uint64_t size)
{
    if (size > m->size - m->next)
        return vb_machine_refuse(m, "%" PRIu64 " bytes, of which %zu are there", size,
                                 m->size - m->next);
    *out = m->bytes + m->next;
    m->next += (size_t)size;
    return VBLIP_OK;
}

static vblip_status op_long(vb_machine *m)
{
    const uint8_t *bytes = NULL;
    const uint64_t size = operand(m);
    VB_TRY(pickle_take(m, &bytes, size));
    if (size > sizeof(int64_t))
        return vb_machine_push(m, (vb_pickle_value){.kind = VB_PICKLE_NUMBER});
    return vb_machine_push(m,
                           (vb_pickle_value){.kind = VB_PICKLE_INT,
                                             .whole = signed_int(bytes, (size_t)size)});
}

static vblip_status op_text(vb_machine *m)
{
    const uint8_t *bytes = NULL;
    uint64_t size = operand(m);
    VB_TRY(pickle_take(m, &bytes, size));
    if (!vb_utf8_valid((const char *)bytes, (size_t)size))
        return vb_machine_refuse(m, "not UTF-8");
    return vb_machine_push(m, (vb_pickle_value){.kind = VB_PICKLE_TEXT,
                                                .count = (uint32_t)size,
                                                .text = (const char *)bytes});
}

bool vb_pickle_is_text(const vb_pickle_value *value, const char *text)
{
    return value->kind == VB_PICKLE_TEXT && value->count == strlen(text) &&
           memcmp(value->text, text, value->count) == 0;
}

// ------------------------------------------------------------------------- containers

static vblip_status count_object(vb_machine *m)
{
    if (m->objects++ == MAX_OBJECTS)
        return vb_machine_refuse(m, "more than %d objects", MAX_OBJECTS);
    return VBLIP_OK;
}

static vblip_status pickle_keep(vb_machine *m, const vb_pickle_value **out,
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

static vblip_status push_tuple(vb_machine *m, const vb_pickle_value *items,
                               size_t count)
{
    VB_TRY(count_object(m));
    vb_pickle_value tuple = {.kind = VB_PICKLE_TUPLE, .count = (uint32_t)count};
    VB_TRY(pickle_keep(m, &tuple.items, items, count));
    return vb_machine_push(m, tuple);
}

static vblip_status op_empty_tuple(vb_machine *m)
{
    return push_tuple(m, NULL, 0);
}

static vblip_status op_tuple(vb_machine *m)
{
    const vb_pickle_value *items;
    size_t count;
    VB_TRY(vb_machine_pop_mark(m, &items, &count));
    return push_tuple(m, items, count);
}

// TUPLE1 to TUPLE3, whose codes follow one another.
static vblip_status op_short_tuple(vb_machine *m)
{
    const vb_pickle_value *items;
    size_t count = (size_t)m->bytes[m->at] - 0x84;
    VB_TRY(vb_machine_pop(m, &items, count));
    return push_tuple(m, items, count);
}

static vblip_status op_list(vb_machine *m)
{
    return vb_machine_push(m, (vb_pickle_value){.kind = VB_PICKLE_LIST});
}

static vblip_status op_append(vb_machine *m)
{
    const vb_pickle_value *item;
    vb_pickle_value *list;
    VB_TRY(vb_machine_pop(m, &item, 1));
    return top(m, &list, VB_PICKLE_LIST, "a list");
}

// Drops the items of a list or a set, which hold no tensors.
static vblip_status drop_items(vb_machine *m, vb_pickle_kind kind, const char *what)
{
    const vb_pickle_value *items;
    vb_pickle_value *container;
    size_t count;
    VB_TRY(vb_machine_pop_mark(m, &items, &count));
    return top(m, &container, kind, what);
}

static vblip_status op_appends(vb_machine *m)
{
    return drop_items(m, VB_PICKLE_LIST, "a list");
}

static vblip_status push_dict(vb_machine *m)
{
    VB_TRY(count_object(m));
    vb_pickle_value dict = {.kind = VB_PICKLE_DICT,
                            .dict = VB_ARENA_NEW(m->arena, vb_pickle_dict, 1)};
    if (!dict.dict)
        return vb_fail_memory(m->err, "pickle");
    return vb_machine_push(m, dict);
}

// Adds `count` values, keys and values in turn, to the dict on top of the stack.
static vblip_status set_items(vb_machine *m, const vb_pickle_value *items, size_t count)
{
    vb_pickle_value *value;
    VB_TRY(top(m, &value, VB_PICKLE_DICT, "a dict"));
    if (count % 2 != 0)
        return vb_machine_refuse(m, "a key without a value");
    if (value->kind == VB_PICKLE_FOREIGN)
        return VBLIP_OK;
    if (count == 0)
        return VBLIP_OK;
    for (size_t i = 0; i < count; i += 2)
        if (items[i].kind == VB_PICKLE_LIST || items[i].kind == VB_PICKLE_DICT)
            return vb_machine_refuse(m, "a key that is a list or a dict");
    VB_TRY(count_object(m));
    vb_pickle_run *run = VB_ARENA_NEW(m->arena, vb_pickle_run, 1);
    if (!run)
        return vb_fail_memory(m->err, "pickle");
    VB_TRY(pickle_keep(m, &run->pairs, items, count));
    run->count = count / 2;
    vb_pickle_dict *dict = value->dict;
    *(dict->last ? &dict->last->next : &dict->first) = run;
    dict->last = run;
    dict->count += run->count;
    return VBLIP_OK;
}

static vblip_status op_set_item(vb_machine *m)
{
    const vb_pickle_value *pair;
    VB_TRY(vb_machine_pop(m, &pair, 2));
    return set_items(m, pair, 2);
}

static vblip_status op_set_items(vb_machine *m)
{
    const vb_pickle_value *items;
    size_t count;
    VB_TRY(vb_machine_pop_mark(m, &items, &count));
    return set_items(m, items, count);
}

// ----------------------------------------------------------------- globals and objects

// A line of printable ASCII after the opcode, its newline taken off.
static vblip_status take_line(vb_machine *m, const char **out, int *size)
{
    const uint8_t *line = m->bytes + m->next;
    size_t length = 0;
    while (length < m->size - m->next && line[length] > ' ' && line[length] < 0x7F)
        length++;
    if (length == m->size - m->next)
        return vb_machine_refuse(m, "a name that is cut short");
    if (line[length] != '\n' || length == 0 || length > MAX_GLOBAL)
        return vb_machine_refuse(m, "a name that is not one");
    *out = (const char *)line;
    *size = (int)length;
    m->next += length + 1;
    return VBLIP_OK;
}

static bool is_line(const char *text, const char *line, int size)
{
    return strlen(text) == (size_t)size && memcmp(text, line, (size_t)size) == 0;
}

// The global of the table, or one that means nothing.
static vblip_status push_global(vb_machine *m, const char *module, int module_size,
                                const char *name, int name_size)
{
    for (size_t i = 0; i < m->global_count; i++) {
        const vb_pickle_global *global = &m->globals[i];
        if (is_line(global->module, module, module_size) &&
            is_line(global->name, name, name_size))
            return vb_machine_push(
                m, (vb_pickle_value){.kind = VB_PICKLE_GLOBAL, .global = global});
    }
    VB_TRY(count_object(m));
    vb_pickle_global *unknown = VB_ARENA_NEW(m->arena, vb_pickle_global, 1);
    if (!unknown)
        return vb_fail_memory(m->err, "pickle");
    unknown->module = vb_arena_string(m->arena, module, (size_t)module_size);
    unknown->name = vb_arena_string(m->arena, name, (size_t)name_size);
    unknown->use = VB_PICKLE_UNKNOWN;
    if (!unknown->module || !unknown->name)
        return vb_fail_memory(m->err, "pickle");
    return vb_machine_push(
        m, (vb_pickle_value){.kind = VB_PICKLE_GLOBAL, .global = unknown});
}

static vblip_status op_global(vb_machine *m)
{
    const char *module, *name;
    int module_size, name_size;
    VB_TRY(take_line(m, &module, &module_size));
    VB_TRY(take_line(m, &name, &name_size));
    return push_global(m, module, module_size, name, name_size);
}

static bool is_global_name(const vb_pickle_value *value)
{
    bool good =
        value->kind == VB_PICKLE_TEXT && value->count > 0 && value->count <= MAX_GLOBAL;
    for (uint32_t i = 0; good && i < value->count; i++)
        good = value->text[i] > ' ' && value->text[i] < 0x7F;
    return good;
}

// The module and the name are on the stack.
static vblip_status op_stack_global(vb_machine *m)
{
    const vb_pickle_value *pair;
    VB_TRY(vb_machine_pop(m, &pair, 2));
    if (!is_global_name(&pair[0]) || !is_global_name(&pair[1]))
        return vb_machine_refuse(m, "a name that is not one");
    return push_global(m, pair[0].text, (int)pair[0].count, pair[1].text,
                       (int)pair[1].count);
}

static bool is_foreign(const vb_pickle_value *function)
{
    return function->kind == VB_PICKLE_FOREIGN ||
           (function->kind == VB_PICKLE_GLOBAL &&
            function->global->use == VB_PICKLE_UNKNOWN);
}

static vblip_status push_foreign(vb_machine *m, const vb_pickle_global *global)
{
    return vb_machine_push(
        m, (vb_pickle_value){.kind = VB_PICKLE_FOREIGN, .global = global});
}

// What `function` must be to be called as `use`, or as `other`, with `arguments`.
static vblip_status check_call(vb_machine *m, const vb_pickle_value *function,
                               const vb_pickle_value *arguments, vb_pickle_use use,
                               vb_pickle_use other)
{
    if (function->kind != VB_PICKLE_GLOBAL || arguments->kind != VB_PICKLE_TUPLE)
        return vb_machine_refuse(m, "not a global and a tuple");
    const vb_pickle_global *global = function->global;
    if (global->use != use && global->use != other)
        return vb_machine_refuse(m, "%s %s is not to be called", global->module,
                                 global->name);
    if (arguments->count != global->arguments)
        return vb_machine_refuse(m, "%s %s of %u arguments, expected %u",
                                 global->module, global->name, arguments->count,
                                 global->arguments);
    return VBLIP_OK;
}

static vblip_status op_reduce(vb_machine *m)
{
    const vb_pickle_value *pair;
    VB_TRY(vb_machine_pop(m, &pair, 2));
    if (is_foreign(pair))
        return push_foreign(m, pair->global);
    VB_TRY(check_call(m, pair, pair + 1, VB_PICKLE_CALLS, VB_PICKLE_DICTS));
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
    return vb_machine_push(
        m, (vb_pickle_value){.kind = VB_PICKLE_CALL, .count = count, .items = items});
}

static vblip_status op_new_object(vb_machine *m)
{
    const vb_pickle_value *pair;
    VB_TRY(vb_machine_pop(m, &pair, 2));
    if (is_foreign(pair))
        return push_foreign(m, pair->global);
    VB_TRY(check_call(m, pair, pair + 1, VB_PICKLE_OBJECTS, VB_PICKLE_OBJECTS));
    return vb_machine_push(m, (vb_pickle_value){.kind = VB_PICKLE_OBJECT});
}

// The same with arguments that have names, in a dict.
static vblip_status op_new_object_named(vb_machine *m)
{
    const vb_pickle_value *parts;
    VB_TRY(vb_machine_pop(m, &parts, 3));
    if (!is_foreign(parts))
        return vb_machine_refuse(m, "not of a foreign class");
    return push_foreign(m, parts->global);
}

// State of an object, or of a dict of a class with attributes, is dropped.
static vblip_status op_build(vb_machine *m)
{
    const vb_pickle_value *state;
    vb_pickle_value *object;
    VB_TRY(vb_machine_pop(m, &state, 1));
    VB_TRY(vb_machine_top(m, &object));
    if (object->kind != VB_PICKLE_OBJECT && object->kind != VB_PICKLE_DICT &&
        object->kind != VB_PICKLE_FOREIGN && object->kind != VB_PICKLE_CALL)
        return vb_machine_refuse(m, "state of what has none");
    return VBLIP_OK;
}

// Bytes that follow the opcode, and sets: nothing that describes a tensor.
static vblip_status op_bytes(vb_machine *m)
{
    const uint8_t *bytes = NULL;
    VB_TRY(pickle_take(m, &bytes, operand(m)));
    return push_foreign(m, NULL);
}

static vblip_status op_set(vb_machine *m)
{
    return push_foreign(m, NULL);
}

static vblip_status op_add_items(vb_machine *m)
{
    return drop_items(m, VB_PICKLE_FOREIGN, "a set");
}

static vblip_status op_frozen_set(vb_machine *m)
{
    const vb_pickle_value *items;
    size_t count;
    VB_TRY(vb_machine_pop_mark(m, &items, &count));
    return push_foreign(m, NULL);
}

static vblip_status op_pop(vb_machine *m)
{
    const vb_pickle_value *value;
    return vb_machine_pop(m, &value, 1);
}

static vblip_status op_pop_mark(vb_machine *m)
{
    const vb_pickle_value *items;
    size_t count;
    return vb_machine_pop_mark(m, &items, &count);
}

static vblip_status op_memoize(vb_machine *m)
{
    return vb_machine_put(m, m->memo.count);
}

// A frame says how many bytes follow; what they hold is read all the same.
static vblip_status op_frame(vb_machine *m)
{
    if (operand(m) > m->size - m->next)
        return vb_machine_refuse(m, "%" PRIu64 " bytes, of which %zu are there",
                                 operand(m), m->size - m->next);
    return VBLIP_OK;
}

static vblip_status op_persistent(vb_machine *m)
{
    vb_pickle_value *id;
    VB_TRY(top(m, &id, VB_PICKLE_TUPLE, "a tuple"));
    if (id->kind == VB_PICKLE_TUPLE)
        id->kind = VB_PICKLE_PERSISTENT;
    return VBLIP_OK;
}

// ------------------------------------------------------------------------- the opcodes

// All of Python's, so that a refusal has a name.
static const struct opcode {
    const char *name;
    vblip_status (*run)(vb_machine *m); // NULL = refused
    size_t operand_size;
} opcodes[256] = {
    [0x80] = {"PROTO", op_protocol, 1},
    ['('] = {"MARK", vb_machine_mark, 0},
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
    ['0'] = {"POP", op_pop, 0},
    ['1'] = {"POP_MARK", op_pop_mark, 0},
    ['B'] = {"BINBYTES", op_bytes, 4},
    ['C'] = {"SHORT_BINBYTES", op_bytes, 1},
    [0x8B] = {"LONG4", op_long, 4},
    [0x8C] = {"SHORT_BINUNICODE", op_text, 1},
    [0x8D] = {"BINUNICODE8", op_text, 8},
    [0x8E] = {"BINBYTES8", op_bytes, 8},
    [0x8F] = {"EMPTY_SET", op_set, 0},
    [0x90] = {"ADDITEMS", op_add_items, 0},
    [0x91] = {"FROZENSET", op_frozen_set, 0},
    [0x92] = {"NEWOBJ_EX", op_new_object_named, 0},
    [0x93] = {"STACK_GLOBAL", op_stack_global, 0},
    [0x94] = {"MEMOIZE", op_memoize, 0},
    [0x95] = {"FRAME", op_frame, 8},
    [0x96] = {"BYTEARRAY8", op_bytes, 8},

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
    [0x82] = {.name = "EXT1"},
    [0x83] = {.name = "EXT2"},
    [0x84] = {.name = "EXT4"},
    [0x97] = {.name = "NEXT_BUFFER"},
    [0x98] = {.name = "READONLY_BUFFER"},
};

static vblip_status pickle_step(vb_machine *m)
{
    if (m->next == m->size)
        return vb_fail(m->err, VBLIP_ERR_FORMAT, "ends at byte %zu without STOP",
                       m->size);
    m->at = m->next;
    uint8_t code = m->bytes[m->at];
    const struct opcode *op = &opcodes[code];
    if (!op->name)
        return vb_fail(m->err, VBLIP_ERR_FORMAT, "byte %zu: 0x%02x is no opcode", m->at,
                       code);
    m->opcode = op->name;
    if (!op->run)
        return vb_machine_refuse(m, "not an opcode that torch.save writes");
    if (m->size - m->at - 1 < op->operand_size)
        return vb_machine_refuse(m, "ends at byte %zu", m->size);
    m->operand = m->bytes + m->at + 1;
    m->operand_size = op->operand_size;
    m->next = m->at + 1 + op->operand_size;
    return op->run(m);
}

static vblip_status pickle_run(vb_machine *m)
{
    if (m->size > VB_PICKLE_MAX_BYTES)
        return vb_fail(m->err, VBLIP_ERR_FORMAT, "%zu bytes, at most %d expected",
                       m->size, VB_PICKLE_MAX_BYTES);
    if (m->size && m->bytes[0] != 0x80)
        return vb_fail(m->err, VBLIP_ERR_FORMAT, "byte 0: 0x%02x, expected PROTO",
                       m->bytes[0]);
    while (!m->stopped)
        VB_TRY(pickle_step(m));
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
    vb_machine m = {.bytes = bytes,
                    .size = size,
                    .globals = globals,
                    .global_count = count,
                    .arena = arena,
                    .err = err};
    vblip_status status = pickle_run(&m);
    if (status == VBLIP_OK)
        *out = m.stack.items[0];
    vb_machine_free(&m);
    return status;
}
