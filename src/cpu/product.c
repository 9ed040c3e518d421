#include "cpu/product.h"

#include "cpu/dnnl_versions.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ALIGN = 64,
    // Rows of x that a panel's layout is asked for; all other counts take it as it is.
    USUAL_ROWS = 64,
};

struct vb_product_thread {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

struct vb_product {
    vb_product_thread *thread;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, w, y, scratch;
    void *scratch_bytes;
};

// OpenMP's, where oneDNN stands on it.
__attribute__((weak)) void omp_set_num_threads(int count);
__attribute__((weak)) int omp_get_max_threads(void);

int vb_product_enter(void)
{
    if (!omp_set_num_threads || !omp_get_max_threads)
        return 0;
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    return threads;
}

void vb_product_leave(int threads)
{
    if (threads > 0)
        omp_set_num_threads(threads);
}

static const char *dnnl_reason(dnnl_status_t status)
{
    switch (status) {
    case dnnl_out_of_memory:
        return "out of memory";
    case dnnl_invalid_arguments:
        return "invalid arguments";
    case dnnl_unimplemented:
        return "not implemented on this processor";
    case dnnl_runtime_error:
        return "runtime error";
    default:
        return "failed";
    }
}

static vblip_status dnnl_check(dnnl_status_t status, const char *what, vblip_error *err)
{
    if (status == dnnl_success)
        return VBLIP_OK;
    return vb_fail(err,
                   status == dnnl_out_of_memory ? VBLIP_ERR_MEMORY : VBLIP_ERR_DEVICE,
                   "oneDNN: %s: %s", what, dnnl_reason(status));
}

vblip_status vb_product_thread_open(vb_product_thread **out, vblip_error *err)
{
    vb_product_thread *thread = calloc(1, sizeof *thread);
    *out = NULL;
    if (!thread)
        return vb_fail_memory(err, "oneDNN");
    dnnl_status_t status = dnnl_engine_create(&thread->engine, dnnl_cpu, 0);
    if (status == dnnl_success)
        status = dnnl_stream_create(&thread->stream, thread->engine,
                                    dnnl_stream_default_flags);
    if (status != dnnl_success)
        vb_product_thread_close(&thread);
    *out = thread;
    return dnnl_check(status, "engine", err);
}

void vb_product_thread_close(vb_product_thread **at)
{
    vb_product_thread *thread = *at;
    if (!thread)
        return;
    if (thread->stream)
        dnnl_stream_destroy(thread->stream);
    if (thread->engine)
        dnnl_engine_destroy(thread->engine);
    free(thread);
    *at = NULL;
}

static dnnl_data_type_t dnnl_type(vb_dtype type)
{
    return type == VB_BF16 ? dnnl_bf16 : dnnl_f32;
}

// x and y lie packed; `panel` NULL is left to oneDNN.
static dnnl_status_t describe_product(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                      const vb_product_shape *s, vb_const_layout panel)
{
    const dnnl_dims_t x_shape = {s->rows, s->in}, x_strides = {s->in, 1};
    const dnnl_dims_t y_shape = {s->rows, s->out}, y_strides = {s->out, 1};
    const dnnl_dims_t w_shape = {s->in, s->out};
    vb_layout x = NULL, y = NULL, w = NULL;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status =
        vb_layout_strided(&x, x_shape, dnnl_type(s->type), x_strides);
    if (status == dnnl_success)
        status = vb_layout_strided(&y, y_shape, dnnl_f32, y_strides);
    if (status == dnnl_success && !panel)
        status = vb_layout_any(&w, w_shape, dnnl_type(s->type));
    if (status == dnnl_success)
        status = dnnl_primitive_attr_create(&attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attributes,
                                                         dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = vb_matmul_describe(out, x, panel ? panel : w, y, attributes, engine);
    if (attributes)
        dnnl_primitive_attr_destroy(attributes);
    vb_layout_free(w);
    vb_layout_free(y);
    vb_layout_free(x);
    return status;
}

// How a panel [out, in] lies; to be freed.
static dnnl_status_t panel_layout(vb_layout *out, dnnl_engine_t engine, uint32_t in,
                                  uint32_t rows, vb_dtype type)
{
    const vb_product_shape usual = {
        .rows = USUAL_ROWS, .in = in, .out = rows, .type = type};
    dnnl_primitive_desc_t description;
    *out = NULL;
    dnnl_status_t status = describe_product(&description, engine, &usual, NULL);
    if (status != dnnl_success)
        return status;
    status = vb_layout_clone(
        out, dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0));
    dnnl_primitive_desc_destroy(description);
    return status;
}

vblip_status vb_product_panel_bytes(size_t *out, vb_product_thread *thread, uint32_t in,
                                    uint32_t rows, vb_dtype type, vblip_error *err)
{
    vb_layout layout;
    *out = 0;
    VB_TRY(dnnl_check(panel_layout(&layout, thread->engine, in, rows, type), "panel",
                      err));
    *out = (dnnl_memory_desc_get_size(layout) + ALIGN - 1) / ALIGN * ALIGN;
    vb_layout_free(layout);
    return VBLIP_OK;
}

// Copies `from` to `to`, which lie otherwise or have another type.
static dnnl_status_t lay_out(vb_product_thread *thread, vb_const_layout from,
                             const void *from_bytes, vb_const_layout to, void *to_bytes)
{
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_memory_t source = NULL, target = NULL;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(
        &description, from, thread->engine, to, thread->engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&reorder, description);
    if (status == dnnl_success) // only read, but the interface knows no such thing
        status = dnnl_memory_create(&source, from, thread->engine, (void *)from_bytes);
    if (status == dnnl_success)
        status = dnnl_memory_create(&target, to, thread->engine, to_bytes);
    if (status == dnnl_success) {
        const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, source},
                                             {DNNL_ARG_TO, target}};
        status = dnnl_primitive_execute(reorder, thread->stream, 2, arguments);
    }
    if (status == dnnl_success)
        status = dnnl_stream_wait(thread->stream);
    if (target)
        dnnl_memory_destroy(target);
    if (source)
        dnnl_memory_destroy(source);
    if (reorder)
        dnnl_primitive_destroy(reorder);
    if (description)
        dnnl_primitive_desc_destroy(description);
    return status;
}

vblip_status vb_product_pack(vb_product_thread *thread, void *panel, const float *rows,
                             uint32_t in, uint32_t count, vb_dtype type,
                             vblip_error *err)
{
    const dnnl_dims_t shape = {in, count}, strides = {1, in};
    vb_layout plain = NULL, layout = NULL;
    dnnl_status_t status = vb_layout_strided(&plain, shape, dnnl_f32, strides);
    if (status == dnnl_success)
        status = panel_layout(&layout, thread->engine, in, count, type);
    if (status == dnnl_success)
        status = lay_out(thread, plain, rows, layout, panel);
    vb_layout_free(layout);
    vb_layout_free(plain);
    return dnnl_check(status, "panel", err);
}

static dnnl_status_t make_memories(vb_product *p, const_dnnl_primitive_desc_t d)
{
    const dnnl_engine_t engine = p->thread->engine;
    const vb_const_layout scratch =
        dnnl_primitive_desc_query_md(d, dnnl_query_scratchpad_md, 0);
    const size_t bytes = dnnl_memory_desc_get_size(scratch);
    p->scratch_bytes = aligned_alloc(ALIGN, (bytes / ALIGN + 1) * ALIGN);
    if (!p->scratch_bytes)
        return dnnl_out_of_memory;
    dnnl_status_t status =
        dnnl_memory_create(&p->scratch, scratch, engine, p->scratch_bytes);
    if (status == dnnl_success)
        status = dnnl_memory_create(
            &p->x, dnnl_primitive_desc_query_md(d, dnnl_query_src_md, 0), engine,
            DNNL_MEMORY_NONE);
    if (status == dnnl_success)
        status = dnnl_memory_create(
            &p->w, dnnl_primitive_desc_query_md(d, dnnl_query_weights_md, 0), engine,
            DNNL_MEMORY_NONE);
    if (status == dnnl_success)
        status = dnnl_memory_create(
            &p->y, dnnl_primitive_desc_query_md(d, dnnl_query_dst_md, 0), engine,
            DNNL_MEMORY_NONE);
    return status;
}

// How w of a product lies; to be freed.
static dnnl_status_t w_layout(vb_layout *out, dnnl_engine_t engine,
                              const vb_product_shape *s)
{
    const dnnl_dims_t shape = {s->in, s->out};
    const dnnl_dims_t rows = {1, s->in}, columns = {s->out, 1};
    if (s->layout == VB_PRODUCT_PANEL)
        return panel_layout(out, engine, s->in, s->out, s->type);
    *out = NULL;
    return vb_layout_strided(out, shape, dnnl_type(s->type),
                             s->layout == VB_PRODUCT_ROWS ? rows : columns);
}

static dnnl_status_t compile_product(vb_product *p, const vb_product_shape *shape)
{
    vb_layout w;
    dnnl_primitive_desc_t description;
    dnnl_status_t status = w_layout(&w, p->thread->engine, shape);
    if (status != dnnl_success)
        return status;
    status = describe_product(&description, p->thread->engine, shape, w);
    vb_layout_free(w);
    if (status != dnnl_success)
        return status;
    status = dnnl_primitive_create(&p->primitive, description);
    if (status == dnnl_success)
        status = make_memories(p, description);
    dnnl_primitive_desc_destroy(description);
    return status;
}

vblip_status vb_product_make(vb_product **out, vb_product_thread *thread,
                             const vb_product_shape *shape, vblip_error *err)
{
    *out = NULL;
    vb_product *p = calloc(1, sizeof *p);
    if (!p)
        return vb_fail_memory(err, "oneDNN");
    p->thread = thread;
    const dnnl_status_t status = compile_product(p, shape);
    if (status != dnnl_success)
        vb_product_free(&p);
    *out = p;
    return dnnl_check(status, "matmul", err);
}

void vb_product_free(vb_product **at)
{
    vb_product *p = *at;
    if (!p)
        return;
    const dnnl_memory_t memories[] = {p->x, p->w, p->y, p->scratch};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++) {
        if (memories[i])
            dnnl_memory_destroy(memories[i]);
    }
    if (p->primitive)
        dnnl_primitive_destroy(p->primitive);
    free(p->scratch_bytes);
    free(p);
    *at = NULL;
}

vblip_status vb_product_run(vb_product *p, const void *x, const void *w, float *y,
                            vblip_error *err)
{
    // x and w are only read, but the interface knows no such thing.
    dnnl_status_t status = dnnl_memory_set_data_handle(p->x, (void *)x);
    if (status == dnnl_success)
        status = dnnl_memory_set_data_handle(p->w, (void *)w);
    if (status == dnnl_success)
        status = dnnl_memory_set_data_handle(p->y, y);
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, p->x},
        {DNNL_ARG_WEIGHTS, p->w},
        {DNNL_ARG_DST, p->y},
        {DNNL_ARG_SCRATCHPAD, p->scratch},
    };
    if (status == dnnl_success)
        status = dnnl_primitive_execute(p->primitive, p->thread->stream, 4, arguments);
    return dnnl_check(status, "matmul", err);
}

#if defined(__x86_64__)
static bool uses(dnnl_cpu_isa_t isa)
{
    return (dnnl_get_effective_cpu_isa() & isa) == isa;
}

bool vb_product_has_bf16(void)
{
    return uses(dnnl_cpu_isa_avx512_core_bf16);
}

bool vb_product_has_amx(void)
{
    return uses(dnnl_cpu_isa_avx512_core_amx);
}
#else
bool vb_product_has_bf16(void)
{
    return false;
}

bool vb_product_has_amx(void)
{
    return false;
}
#endif

#if defined(__x86_64__)
static const struct isa_name {
    dnnl_cpu_isa_t isa;
    const char *name;
} isa_names[] = {
    {dnnl_cpu_isa_avx512_core_amx, "AVX-512, AMX"},
    {dnnl_cpu_isa_avx512_core_bf16, "AVX-512, BF16"},
    {dnnl_cpu_isa_avx512_core, "AVX-512"},
    {dnnl_cpu_isa_avx2, "AVX2"},
    {dnnl_cpu_isa_avx, "AVX"},
    {dnnl_cpu_isa_sse41, "SSE4.1"},
};

static const char *isa_in_use(void)
{
    for (size_t i = 0; i < sizeof isa_names / sizeof *isa_names; i++)
        if (uses(isa_names[i].isa))
            return isa_names[i].name;
    return "portable";
}
#elif defined(__aarch64__) // whose sets oneDNN numbers as it does those of x86
static const char *isa_in_use(void)
{
    return "AArch64";
}
#else
static const char *isa_in_use(void)
{
    return "portable";
}
#endif

void vb_product_describe(char *version, size_t version_size, const char **isa)
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(version, version_size, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    *isa = isa_in_use();
}
