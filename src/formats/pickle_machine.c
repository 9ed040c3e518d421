#include "formats/pickle_machine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// A pickler puts at most 1000 items on the stack at a time, and a tuple whole.
enum { MAX_STACK = 1 << 16, MAX_MEMO = 1 << 20 };

vblip_status vb_machine_refuse(const vb_machine *m, const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return vb_fail(m->err, VBLIP_ERR_FORMAT, "byte %zu: %s: %s", m->at, m->opcode, why);
}

static vblip_status append(vb_machine *m, vb_pickle_values *v, vb_pickle_value value,
                           size_t limit)
{
    if (v->count == v->capacity) {
        size_t capacity = v->capacity ? 2 * v->capacity : 256;
        if (v->count == limit)
            return vb_machine_refuse(m, "more than %zu values at a time", limit);
        vb_pickle_value *items = realloc(v->items, capacity * sizeof *items);
        if (!items)
            return vb_fail_memory(m->err, "pickle");
        v->items = items;
        v->capacity = capacity;
    }
    v->items[v->count++] = value;
    return VBLIP_OK;
}

void vb_machine_free(vb_machine *m)
{
    free(m->stack.items);
    free(m->memo.items);
    m->stack = m->memo = (vb_pickle_values){0};
}

// ------------------------------------------------------------------------- the stack

vblip_status vb_machine_push(vb_machine *m, vb_pickle_value value)
{
    return append(m, &m->stack, value, MAX_STACK);
}

// The values above the last mark.
static size_t within_reach(const vb_machine *m)
{
    return m->stack.count - (m->mark_count ? m->marks[m->mark_count - 1] : 0);
}

vblip_status vb_machine_pop(vb_machine *m, const vb_pickle_value **out, size_t count)
{
    *out = NULL;
    size_t there = within_reach(m);
    if (there < count)
        return vb_machine_refuse(m, "%zu values on the stack, needs %zu", there, count);
    m->stack.count -= count;
    if (count) // with nothing ever pushed there are no items to point at
        *out = m->stack.items + m->stack.count;
    return VBLIP_OK;
}

vblip_status vb_machine_mark(vb_machine *m)
{
    if (m->mark_count == VB_PICKLE_MARKS)
        return vb_machine_refuse(m, "more than %d marks at a time", VB_PICKLE_MARKS);
    m->marks[m->mark_count++] = m->stack.count;
    return VBLIP_OK;
}

vblip_status vb_machine_pop_mark(vb_machine *m, const vb_pickle_value **out,
                                 size_t *count)
{
    *out = NULL;
    *count = 0;
    if (m->mark_count == 0)
        return vb_machine_refuse(m, "no mark on the stack");
    *count = within_reach(m);
    VB_TRY(vb_machine_pop(m, out, *count));
    m->mark_count--;
    return VBLIP_OK;
}

vblip_status vb_machine_top(vb_machine *m, vb_pickle_value **out)
{
    *out = NULL;
    if (within_reach(m) == 0)
        return vb_machine_refuse(m, "nothing on the stack");
    *out = &m->stack.items[m->stack.count - 1];
    return VBLIP_OK;
}

// -------------------------------------------------------------------------- the memo

vblip_status vb_machine_put(vb_machine *m, uint64_t index)
{
    vb_pickle_value *value;
    if (index != m->memo.count)
        return vb_machine_refuse(m, "memo %" PRIu64 ", expected %zu", index,
                                 m->memo.count);
    VB_TRY(vb_machine_top(m, &value));
    return append(m, &m->memo, *value, MAX_MEMO);
}

vblip_status vb_machine_get(vb_machine *m, uint64_t index)
{
    if (index >= m->memo.count)
        return vb_machine_refuse(m, "memo %" PRIu64 " of %zu", index, m->memo.count);
    return vb_machine_push(m, m->memo.items[index]);
}
