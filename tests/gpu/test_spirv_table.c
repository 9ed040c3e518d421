// test_spirv_table.c - every row of the pipeline table says what its SPIR-V says.
#include "gpu/pipelines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// Numbers of the SPIR-V 1.5 specification, section 3.
enum {
    MAGIC = 0x07230203,
    OP_EXECUTION_MODE = 16,
    OP_TYPE_INT = 21,
    OP_TYPE_FLOAT = 22,
    OP_TYPE_VECTOR = 23,
    OP_TYPE_IMAGE = 25,
    OP_TYPE_STRUCT = 30,
    OP_TYPE_POINTER = 32,
    OP_VARIABLE = 59,
    OP_DECORATE = 71,
    OP_MEMBER_DECORATE = 72,
    DECORATION_SPEC_ID = 1,
    DECORATION_NON_WRITABLE = 24,
    DECORATION_NON_READABLE = 25,
    DECORATION_BINDING = 33,
    DECORATION_DESCRIPTOR_SET = 34,
    DECORATION_OFFSET = 35,
    STORAGE_UNIFORM_CONSTANT = 0,
    STORAGE_UNIFORM = 2,
    STORAGE_PUSH_CONSTANT = 9,
    STORAGE_STORAGE_BUFFER = 12,
    MODE_LOCAL_SIZE = 17,
    FORMAT_RGBA32F = 1,
    FORMAT_RGBA32UI = 30,
    IDS = 4096, // more than any shader here has
    MEMBERS = 32,
};

// What a module says of each of its ids.
typedef struct module {
    const char *name;
    struct {
        uint16_t op;
        const uint32_t *words; // of the defining instruction
        uint32_t members;
        uint32_t member_offset[MEMBERS];
        bool non_writable, non_readable; // the variable or all its members
        uint32_t binding, set;           // + 1; 0 = none
    } ids[IDS];
    uint32_t spec_ids; // bits
    uint32_t local_size[3];
} module;

static void decorate(module *m, const uint32_t *w, uint32_t count)
{
    switch (w[2]) {
    case DECORATION_SPEC_ID:
        m->spec_ids |= 1u << w[3];
        break;
    case DECORATION_BINDING:
        m->ids[w[1]].binding = w[3] + 1;
        break;
    case DECORATION_DESCRIPTOR_SET:
        m->ids[w[1]].set = w[3] + 1;
        break;
    case DECORATION_NON_WRITABLE:
        m->ids[w[1]].non_writable = true;
        break;
    case DECORATION_NON_READABLE:
        m->ids[w[1]].non_readable = true;
        break;
    default:
        break;
    }
    (void)count;
}

static void instruction(module *m, uint32_t op, const uint32_t *w, uint32_t count)
{
    uint32_t id = 0;
    if (op == OP_DECORATE)
        decorate(m, w, count);
    else if (op == OP_EXECUTION_MODE && w[2] == MODE_LOCAL_SIZE)
        memcpy(m->local_size, w + 3, sizeof m->local_size);
    else if (op == OP_MEMBER_DECORATE && w[3] == DECORATION_OFFSET && w[2] < MEMBERS)
        m->ids[w[1]].member_offset[w[2]] = w[4];
    else if (op == OP_MEMBER_DECORATE && w[3] == DECORATION_NON_WRITABLE)
        m->ids[w[1]].non_writable = true;
    else if (op == OP_MEMBER_DECORATE && w[3] == DECORATION_NON_READABLE)
        m->ids[w[1]].non_readable = true;
    else if (op >= OP_TYPE_INT && op <= OP_TYPE_POINTER)
        id = w[1];
    else if (op == OP_VARIABLE)
        id = w[2];
    if (!id)
        return;
    m->ids[id].op = (uint16_t)op;
    m->ids[id].words = w;
    if (op == OP_TYPE_STRUCT)
        m->ids[id].members = count - 2;
}

static void parse(module *m, const vb_pipeline_row *row)
{
    memset(m, 0, sizeof *m);
    m->name = row->name;
    const uint32_t *w = row->spirv;
    const size_t words = row->spirv_bytes / sizeof *w;
    assert_true(words > 5 && w[0] == MAGIC && w[3] <= IDS);
    for (size_t at = 5; at < words;) {
        const uint32_t count = w[at] >> 16;
        assert_true(count > 0 && at + count <= words);
        instruction(m, w[at] & 0xffff, w + at, count);
        at += count;
    }
}

// Bytes of a type made of 32-bit scalars and structs of them.
static uint32_t size_of(const module *m, uint32_t type)
{
    switch (m->ids[type].op) {
    case OP_TYPE_INT:
    case OP_TYPE_FLOAT:
        assert_int_equal(m->ids[type].words[2], 32);
        return 4;
    case OP_TYPE_STRUCT: {
        const uint32_t last = m->ids[type].members - 1;
        return m->ids[type].member_offset[last] +
               size_of(m, m->ids[type].words[2 + last]);
    }
    default:
        fail_msg("%s: push constants hold a type other than 32-bit scalars", m->name);
        return 0;
    }
}

// The letter that pipelines.h gives to a variable, from its type and decorations.
static char letter_of(const module *m, uint32_t variable)
{
    const uint32_t storage = m->ids[variable].words[3];
    const uint32_t type = m->ids[m->ids[variable].words[1]].words[3];
    const bool written = !m->ids[variable].non_writable && !m->ids[type].non_writable;
    const bool read = !m->ids[variable].non_readable && !m->ids[type].non_readable;
    if (storage == STORAGE_UNIFORM_CONSTANT) {
        assert_int_equal(m->ids[type].op, OP_TYPE_IMAGE);
        assert_int_equal(m->ids[type].words[3], 5); // Dim Buffer
        assert_int_equal(m->ids[type].words[7], 2); // storage, not sampled
        const uint32_t format = m->ids[type].words[8];
        assert_true(format == FORMAT_RGBA32F || format == FORMAT_RGBA32UI);
        assert_false(written);
        return format == FORMAT_RGBA32F ? 't' : 'h';
    }
    return written ? (read ? 'b' : 'w') : 'r';
}

static void check_bindings(const module *m, const vb_pipeline_row *row)
{
    char letters[VB_MAX_BINDINGS + 1] = {0};
    uint32_t push = 0;
    for (uint32_t id = 0; id < IDS; id++) {
        if (m->ids[id].op != OP_VARIABLE)
            continue;
        const uint32_t storage = m->ids[id].words[3];
        if (storage == STORAGE_PUSH_CONSTANT)
            push = size_of(m, m->ids[m->ids[id].words[1]].words[3]);
        if (storage != STORAGE_STORAGE_BUFFER && storage != STORAGE_UNIFORM &&
            storage != STORAGE_UNIFORM_CONSTANT)
            continue;
        assert_int_equal(m->ids[id].set, 1);
        const uint32_t binding = m->ids[id].binding - 1;
        const char letter = letter_of(m, id);
        if (binding >= VB_MAX_BINDINGS ||
            (letters[binding] && letters[binding] != letter))
            fail_msg("%s: binding %u", row->name, binding);
        letters[binding] = letter;
    }
    if (strcmp(letters, row->bindings) != 0)
        fail_msg("%s: the shader binds \"%s\", the table says \"%s\"", row->name,
                 letters, row->bindings);
    if (push != row->param_bytes || push > VB_MAX_PARAM_BYTES)
        fail_msg("%s: %u bytes of push constants, the table says %u", row->name, push,
                 row->param_bytes);
}

static void test_rows_say_what_shaders_say(void **state)
{
    (void)state;
    static module m;
    for (uint32_t i = 0; i < VB_PIPELINE_COUNT; i++) {
        const vb_pipeline_row *row = &vb_pipeline_rows[i];
        assert_non_null(row->name);
        parse(&m, row);
        check_bindings(&m, row);
        if (m.spec_ids != (1u << row->constants) - 1)
            fail_msg("%s: specialisation constants %#x, the table says %u", row->name,
                     m.spec_ids, row->constants);
        // What Vulkan promises of a workgroup.
        const uint32_t size = m.local_size[0] * m.local_size[1] * m.local_size[2];
        if (size == 0 || size > 128)
            fail_msg("%s: workgroups of %u", row->name, size);
    }
}

static void test_names_are_distinct(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < VB_PIPELINE_COUNT; i++) {
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(vb_pipeline_rows[i].name, vb_pipeline_rows[j].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_say_what_shaders_say),
        cmocka_unit_test(test_names_are_distinct),
    };
    return cmocka_run_group_tests_name("spirv_table", tests, NULL, NULL);
}
