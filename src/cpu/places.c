// places.c - where the values of rows lie in a panel, whose layout only oneDNN knows: their
// numbers are laid out as if they were values, and looked for.
#include "cpu/context.h"

#include <stdlib.h>

// Numbers are written in digits that every type of weights holds exactly. 0 is padding.
enum { BASE = 255, DIGITS = 3 };

struct vb_panel_places {
    vb_panel_places *next;
    uint32_t rows, cols;
    uint32_t at[]; // [rows, cols], in elements
};

const uint32_t *vb_panel_places_row(const vb_panel_places *places, uint32_t row)
{
    return places->at + (size_t)row * places->cols;
}

void vb_panel_places_free(vb_panel_places *places)
{
    while (places) {
        vb_panel_places *next = places->next;
        free(places);
        places = next;
    }
}

// What finding places takes: memory for a panel, plain and laid out.
typedef struct search {
    float *plain;      // [rows, cols]
    uint8_t *panel;    // `elements` of the type of weights
    uint32_t *numbers; // [elements]
    size_t elements;
} search;

static bool make_search(search *s, size_t values, size_t panel_bytes, vb_dtype type)
{
    s->elements = panel_bytes / vb_dtype_size(type);
    s->plain = malloc(values * sizeof *s->plain);
    s->panel = vb_cpu_allocate(panel_bytes);
    s->numbers = calloc(s->elements, sizeof *s->numbers);
    return s->plain && s->panel && s->numbers;
}

static void free_search(search *s)
{
    free(s->plain);
    free(s->panel);
    free(s->numbers);
}

// Adds to the numbers, which count from 1, one digit of each: that worth `unit`.
static vblip_status read_digit(search *s, const vb_panel_places *p, vb_cpu *cpu,
                               uint32_t unit, vblip_error *err)
{
    const vb_dtype type = cpu->base.weights;
    const uint32_t count = p->rows * p->cols;
    memset(s->panel, 0, s->elements * vb_dtype_size(type));
    for (uint32_t i = 0; i < count; i++)
        s->plain[i] = (float)(i / unit % BASE + 1);
    VB_TRY(vb_product_pack(cpu->workers[0].oneDNN, s->panel, s->plain, p->cols, p->rows,
                           type, err));
    for (size_t e = 0; e < s->elements; e++) {
        float digit;
        vb_widen(&digit, s->panel + e * vb_dtype_size(type), type, 1);
        if (digit > 0)
            s->numbers[e] += ((uint32_t)digit - 1) * unit + (unit == 1);
    }
    return VBLIP_OK;
}

static vblip_status fill_places(search *s, vb_panel_places *p, vb_cpu *cpu,
                                vblip_error *err)
{
    const uint32_t count = p->rows * p->cols;
    uint32_t unit = 1, found = 0;
    for (int digit = 0; digit < DIGITS; digit++, unit *= BASE)
        VB_TRY(read_digit(s, p, cpu, unit, err));
    for (size_t e = 0; e < s->elements; e++) {
        if (s->numbers[e] == 0 || s->numbers[e] > count)
            continue;
        p->at[s->numbers[e] - 1] = (uint32_t)e;
        found++;
    }
    return found == count
               ? VBLIP_OK
               : vb_fail(err, VBLIP_ERR_DEVICE, "oneDNN: panel: %u of %u values found",
                         found, count);
}

static vblip_status search_places(vb_panel_places *p, vb_cpu *cpu, vblip_error *err)
{
    size_t panel_bytes;
    const vb_dtype type = cpu->base.weights;
    VB_TRY(vb_product_panel_bytes(&panel_bytes, cpu->workers[0].oneDNN, p->cols,
                                  p->rows, type, err));
    search s;
    const vblip_status status =
        make_search(&s, (size_t)p->rows * p->cols, panel_bytes, type)
            ? fill_places(&s, p, cpu, err)
            : vb_fail_memory(err, "panel");
    free_search(&s);
    return status;
}

vblip_status vb_panel_places_find(const vb_panel_places **out, vb_cpu *cpu,
                                  uint32_t rows, uint32_t cols, vblip_error *err)
{
    for (vb_panel_places *p = cpu->places; p; p = p->next) {
        if (p->rows == rows && p->cols == cols) {
            *out = p;
            return VBLIP_OK;
        }
    }
    if ((uint64_t)rows * cols >= BASE * BASE * BASE)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "panel: %u x %u values, at most %d",
                       rows, cols, BASE * BASE * BASE);
    vb_panel_places *p = malloc(sizeof *p + (size_t)rows * cols * sizeof *p->at);
    if (!p)
        return vb_fail_memory(err, "panel");
    *p = (vb_panel_places){.rows = rows, .cols = cols};
    const int threads = vb_product_enter();
    const vblip_status status = search_places(p, cpu, err);
    vb_product_leave(threads);
    if (status != VBLIP_OK) {
        free(p);
        return status;
    }
    p->next = cpu->places;
    cpu->places = p;
    cpu->allocations++;
    *out = p;
    return VBLIP_OK;
}
