// context.h - what the files of cpu/ share: the device, its threads and their memory.
#ifndef VB_CPU_CONTEXT_H
#define VB_CPU_CONTEXT_H

#include "compute/team.h"
#include "cpu/cpu.h"
#include "cpu/kernels.h"
#include "cpu/packed.h"
#include "cpu/product.h"

#include <string.h>

enum {
    VB_CPU_ALIGN = 64,
    VB_CPU_OPS = 16,       // names of a profile
    VB_CPU_PRODUCTS = 128, // shapes that a worker keeps compiled
    VB_CPU_LAYOUTS = 32,   // shapes of panels whose layout is known by its hash
};

// Memory that grows to what was asked of it and is kept.
typedef struct vb_room {
    void *bytes;
    size_t size;
} vb_room;

typedef struct vb_kept_product {
    vb_product_shape shape;
    vb_product *product;
    uint64_t used; // when, in calls of this worker
} vb_kept_product;

// What one thread of the team has for itself.
typedef struct vb_cpu_worker {
    vb_product_thread *oneDNN;
    vb_kept_product products[VB_CPU_PRODUCTS];
    uint32_t product_count;
    uint64_t calls;
    vb_room room;
    uint64_t allocations;
    vblip_status status; // what failed first in an op
    vblip_error error;
} vb_cpu_worker;

typedef struct vb_kept_download {
    void *dst;
    vb_room bytes; // what is to be copied there
    size_t size;
} vb_kept_download;

typedef struct vb_panel_places vb_panel_places;

// How a panel of this shape lies, as a hash.
typedef struct vb_panel_layout {
    uint32_t rows, cols;
    size_t bytes; // that it has room for
    uint64_t hash;
} vb_panel_layout;

// The weights of the model that is being loaded, as they are kept for the next start.
typedef struct vb_weights_cache {
    char *folder;           // NULL: nothing is kept
    char *path;             // from begin to end; NULL otherwise
    uint64_t key;           // what is in the file must have
    vb_packed *file;        // NULL: there is none, or one of another key
    vb_packed_matrix *made; // [made_count], since begin: taken or laid out
    size_t made_count, made_room;
    bool is_new; // some were not in the file
    vb_panel_layout layouts[VB_CPU_LAYOUTS];
    uint32_t layout_count;
} vb_weights_cache;

typedef struct vb_cpu {
    vb_device base;
    vblip_device_info info;
    vb_cpu_texts texts; // of info
    const vb_kernels *kernels;
    vb_team *team;
    vb_cpu_worker *workers;
    uint32_t worker_count;
    vb_room shared;          // of the op that runs
    vb_room absorbed;        // queries and values of vb_absorbed_attention
    vb_room narrowed;        // keys and values of vb_attention
    vb_panel_places *places; // of all shapes of panels that rows were read of
    uint64_t allocations;
    vb_kept_download *downloads; // until submit
    size_t download_count, download_room;
    vb_weights_cache cache;
    vb_log log;

    int (*stopped)(void *user);
    void *stopped_user;
    double asked_s; // when `stopped` was asked last

    bool profiled;
    vblip_op_time times[VB_CPU_OPS];
    uint32_t time_count;
} vb_cpu;

static inline vb_cpu *vb_cpu_of(const vb_device *device)
{
    return (vb_cpu *)device;
}

// Bytes of a buffer lie behind this.
typedef struct vb_cpu_buffer {
    vb_buffer base;
    uint8_t *bytes;
} vb_cpu_buffer;

// Weights: panels of rows for vb_linear, rows for vb_absorbed_attention. vb_embed reads
// either.
typedef struct vb_cpu_matrix {
    vb_matrix base;
    vb_dtype type;
    uint32_t panel_rows; // of every panel but the last
    size_t panel_bytes;  // from one panel to the next
    uint8_t *panels;     // NULL unless made with VB_USE_LINEAR
    uint8_t *rows; // [rows, cols] of `type`; with panels, NULL until they are needed
    const vb_panel_places
        *places[2];    // of all panels but the last, and of that; with both
    vb_packed *packed; // that they, or rows without panels, lie in; NULL: in memory
} vb_cpu_matrix;

// ------------------------------------------------------------------------- memory.c
// At least `size` bytes at a multiple of VB_CPU_ALIGN, for free(); NULL when there are none.
void *vb_cpu_allocate(size_t size);

// At least `size` bytes, at a multiple of VB_CPU_ALIGN; NULL when there are none.
void *vb_room_take(vb_room *room, size_t size, uint64_t *allocations);
void vb_room_free(vb_room *room);

vblip_status vb_cpu_buffer_make(vb_buffer **, vb_device *, uint64_t bytes,
                                const char *name, vblip_error *);
void vb_cpu_buffer_free(vb_buffer *);
vblip_status vb_cpu_upload(vb_device *, vb_tensor y, const void *src, vblip_error *);
vblip_status vb_cpu_download(vb_device *, void *dst, vb_tensor x, vblip_error *);
void vb_cpu_deliver(vb_cpu *cpu, bool copy); // downloads: fills them or forgets them

// ------------------------------------------------------------------------- matrix.c
vblip_status vb_cpu_matrix_make(vb_matrix **, vb_device *, const vb_matrix_block *,
                                uint32_t count, uint32_t cols, uint32_t uses,
                                const char *name, vblip_error *);
vblip_status vb_cpu_matrix_take(vb_matrix **, vb_device *, uint32_t rows, uint32_t cols,
                                uint32_t uses, const char *name, vblip_error *);
void vb_cpu_matrix_free(vb_matrix *);

// The panels, or the rows of a matrix without; and how many bytes that is.
const uint8_t *vb_cpu_matrix_laid_out(const vb_cpu_matrix *m);
size_t vb_cpu_matrix_bytes(const vb_cpu_matrix *m);

// Lays out `rows` of a matrix made with VB_USE_ROWS, at the first call.
VB_CHECKED vblip_status vb_cpu_matrix_rows(vb_cpu *cpu, vb_cpu_matrix *m,
                                           vblip_error *err);
void vb_cpu_matrix_read(const vb_cpu_matrix *m, float *out, uint32_t row); // one row

// ------------------------------------------------------------------- weights_cache.c
void vb_cpu_weights_begin(vb_device *, vb_weights_origin);
void vb_cpu_weights_end(vb_device *, bool whole);
void vb_weights_cache_free(vb_weights_cache *cache);

// What `m`, which has no weights yet, is to hold: in cache.file, which must be held for as
// long; NULL when it is not there.
VB_CHECKED vblip_status vb_cpu_weights_take(const uint8_t **out, vb_cpu *cpu,
                                            const vb_cpu_matrix *m, const char *name,
                                            vblip_error *err);

// Notes that `m` was laid out, for vb_cpu_weights_end.
VB_CHECKED vblip_status vb_cpu_weights_keep(vb_cpu *cpu, const vb_cpu_matrix *m,
                                            const char *name, vblip_error *err);

// ------------------------------------------------------------------------- places.c
// Where in a panel of `rows` rows its values lie: found once and kept.
VB_CHECKED vblip_status vb_panel_places_find(const vb_panel_places **out, vb_cpu *cpu,
                                             uint32_t rows, uint32_t cols,
                                             vblip_error *err);
void vb_panel_places_free(vb_panel_places *places); // and all behind it

// The elements of a panel that hold row `row`, [cols].
const uint32_t *vb_panel_places_row(const vb_panel_places *places, uint32_t row);

// ---------------------------------------------------------------------------- run.c
// An op's loop: calls run(user, worker, piece) for every piece, on all workers. The first
// failure ends it.
typedef struct vb_cpu_loop {
    vblip_status (*run)(void *user, vb_cpu_worker *worker, uint32_t piece,
                        vblip_error *err);
    void *user;
    uint32_t pieces;
} vb_cpu_loop;
VB_CHECKED vblip_status vb_cpu_run(vb_cpu *cpu, const vb_cpu_loop *loop,
                                   vblip_error *err);

// Around an op: whether to go on, and its time.
VB_CHECKED vblip_status vb_cpu_begin(vb_cpu *cpu, double *start, vblip_error *err);
void vb_cpu_end(vb_cpu *cpu, const char *op, double start);

// The product of this shape, compiled now or before.
VB_CHECKED vblip_status vb_cpu_product(vb_product **out, vb_cpu_worker *worker,
                                       const vb_product_shape *shape, vblip_error *err);

// The same, and runs it.
VB_CHECKED vblip_status vb_cpu_multiply(vb_cpu_worker *worker,
                                        const vb_product_shape *shape, const void *x,
                                        const void *w, float *y, vblip_error *err);

vblip_status vb_cpu_profile(vb_device *, vblip_op_time_fn, void *user, vblip_error *);

// --------------------------------------------------------------------------- peak.c
double vb_cpu_peak(vb_device *);

// How many times `by` it takes to hold `value`.
static inline uint32_t vb_divided(uint32_t value, uint32_t by)
{
    return (value + by - 1) / by;
}

// -------------------------------------------------------------------------- tensors
static inline uint8_t *vb_cpu_bytes(const vb_tensor *t)
{
    return ((const vb_cpu_buffer *)t->buffer)->bytes + t->offset;
}

// Row `row` of matrix `batch`, of any type.
static inline void *vb_cpu_row_at(const vb_tensor *t, size_t batch, size_t row)
{
    return vb_cpu_bytes(t) +
           (batch * t->batch_stride + row * t->row_stride) * vb_dtype_size(t->type);
}

// The same of VB_F32.
static inline float *vb_cpu_row(const vb_tensor *t, size_t batch, size_t row)
{
    return vb_cpu_row_at(t, batch, row);
}

// Row `row` of all rows of all matrices.
static inline void *vb_cpu_flat_row_at(const vb_tensor *t, uint32_t row)
{
    return vb_cpu_row_at(t, row / t->rows, row % t->rows);
}

static inline float *vb_cpu_flat_row(const vb_tensor *t, uint32_t row)
{
    return vb_cpu_flat_row_at(t, row);
}

// Floats as values of `type`: VB_F32 or VB_BF16.
static inline void vb_cpu_narrow(const vb_cpu *cpu, void *out, vb_dtype type,
                                 const float *in, size_t count)
{
    if (type == VB_BF16)
        cpu->kernels->narrow_row(out, in, count);
    else
        memcpy(out, in, count * sizeof *in);
}

// ------------------------------------------------------------------------------ ops
vblip_status vb_cpu_linear(vb_device *, const vb_linear_args *, vblip_error *);
vblip_status vb_cpu_attention(vb_device *, const vb_attention_args *, vblip_error *);
vblip_status vb_cpu_absorbed_attention(vb_device *, const vb_absorbed_attention_args *,
                                       vblip_error *);
vblip_status vb_cpu_layernorm(vb_device *, const vb_layernorm_args *, vblip_error *);
vblip_status vb_cpu_patchify(vb_device *, const vb_patchify_args *, vblip_error *);
vblip_status vb_cpu_embed(vb_device *, const vb_embed_args *, vblip_error *);
vblip_status vb_cpu_add_rows(vb_device *, const vb_add_rows_args *, vblip_error *);
vblip_status vb_cpu_set_row(vb_device *, const vb_set_row_args *, vblip_error *);
vblip_status vb_cpu_mean_rows(vb_device *, const vb_mean_rows_args *, vblip_error *);
vblip_status vb_cpu_l2norm(vb_device *, const vb_l2norm_args *, vblip_error *);
vblip_status vb_cpu_topk(vb_device *, const vb_topk_args *, vblip_error *);
vblip_status vb_cpu_copy(vb_device *, vb_tensor y, vb_tensor x, vblip_error *);

#endif // VB_CPU_CONTEXT_H
