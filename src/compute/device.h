// device.h - what a device is to the rest of the program: facts and a table of functions.
//
// A device computes the ops of ops.h. The recorder has checked every shape, type, range
// and overlap before it calls the table, so a device checks only what is its own:
// memory, driver errors. Ops may run at once, or be put off until submit, and run on after
// it; downloads have arrived when submit returns. Ops see the results of the ops before
// them.
#ifndef VB_COMPUTE_DEVICE_H
#define VB_COMPUTE_DEVICE_H

#include "compute/ops.h"
#include "vblip_lab.h"

typedef struct vb_device_caps {
    const char *name;          // as `vblip doctor` prints it
    const char *kernels;       // what computes, for reports: "simt"
    uint64_t max_buffer_bytes; // largest vb_buffer
    uint64_t memory_bytes;     // what there was for buffers when it was opened
    uint32_t weight_types;     // types a matrix can be stored in: bits 1 << vb_dtype
    bool shares_cores;         // computes on the cores that decode runs on
    uint64_t cached_bytes;     // of a value that caches keep for the next op, or 0
    bool narrow_activations;   // ops read and write them in the type of weights, too
    bool narrow_keys;          // attention reads queries, keys and values in it, too
    bool
        narrow_factors; // linear and attention may round factors to the type of weights
    uint32_t
        absorbs; // types of weights that vb_absorbed_attention has: bits 1 << vb_dtype
    uint32_t
        filling_rows; // of a linear's x that it takes to fill the device; 0 = any do
} vb_device_caps;

// How ops will read a matrix. LINEAR: vb_linear. ROWS: vb_embed, vb_absorbed_attention.
enum vb_matrix_use { VB_USE_LINEAR = 1, VB_USE_ROWS = 2 };

// Rows of a weight matrix as they lie in the checkpoint: [rows, cols], packed.
typedef struct vb_matrix_block {
    vb_dtype type; // VB_F32, VB_F16 or VB_BF16
    uint32_t rows;
    // Copies `size` bytes from byte `at`, on several threads at once. A failure is that of
    // vb_matrix_make.
    vblip_status (*read)(const void *source, void *out, size_t at, size_t size,
                         vblip_error *err);
    const void *source;
    // Called once before the first read, in turn with the blocks of a matrix. May be NULL.
    vblip_status (*prepare)(const void *source, vblip_error *err);
} vb_matrix_block;

// Rows that lie in memory, at any alignment.
vb_matrix_block vb_matrix_in_memory(const void *data, vb_dtype type, uint32_t rows);

// By what the weights of a model are known again. All-zero: they are not.
typedef struct vb_weights_origin {
    uint64_t place;   // where they are, and which of them are loaded
    uint64_t content; // changes with what they are
} vb_weights_origin;

// Weights in the device's own layout. A device puts its own fields behind these.
struct vb_matrix {
    vb_device *device;
    uint32_t rows, cols; // out, in
    uint32_t uses;       // enum vb_matrix_use
};

typedef struct vb_device_table {
    void (*close)(vb_device *device);

    // What the device is; valid while it is open.
    const vblip_device_info *(*describe)(const vb_device *device);
    // Tells `fn` what each op has cost since the device was opened. VBLIP_ERR_ARGUMENT
    // when it was opened without timing.
    vblip_status (*profile)(vb_device *device, vblip_op_time_fn fn, void *user,
                            vblip_error *err);

    // Memory. `name` is for error messages and debuggers. A new buffer holds anything:
    // whoever makes one writes it before an op reads it.
    vblip_status (*buffer_make)(vb_buffer **out, vb_device *device, uint64_t bytes,
                                const char *name, vblip_error *err);
    void (*buffer_free)(vb_buffer *buffer);
    vblip_status (*matrix_make)(vb_matrix **out, vb_device *device,
                                const vb_matrix_block *blocks, uint32_t count,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err);
    void (*matrix_free)(vb_matrix *matrix);

    // Around the matrices of a model, and a submit behind them that what they need may wait
    // for. A device that has `matrix_take` keeps them from one start to the next: it makes one
    // of `count` rows as it was made before, or leaves NULL, and matrix_make's are kept when
    // `whole` says at the end that they are all of the model's. What cannot be kept is told
    // to the log, and no failure. Each may be NULL.
    void (*weights_begin)(vb_device *device, vb_weights_origin origin);
    vblip_status (*matrix_take)(vb_matrix **out, vb_device *device, uint32_t count,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err);
    void (*weights_end)(vb_device *device, bool whole);

    // Transfers, in order with the ops. The tensors are packed (copy: any strides).
    vblip_status (*upload)(vb_device *device, vb_tensor y, const void *src,
                           vblip_error *err);
    vblip_status (*download)(vb_device *device, void *dst, vb_tensor x,
                             vblip_error *err);
    vblip_status (*copy)(vb_device *device, vb_tensor y, vb_tensor x, vblip_error *err);

    // Ops.
    vblip_status (*linear)(vb_device *, const vb_linear_args *, vblip_error *);
    vblip_status (*layernorm)(vb_device *, const vb_layernorm_args *, vblip_error *);
    vblip_status (*attention)(vb_device *, const vb_attention_args *, vblip_error *);
    vblip_status (*absorbed_attention)(vb_device *, const vb_absorbed_attention_args *,
                                       vblip_error *); // NULL where caps.absorbs is 0
    vblip_status (*patchify)(vb_device *, const vb_patchify_args *, vblip_error *);
    vblip_status (*embed)(vb_device *, const vb_embed_args *, vblip_error *);
    vblip_status (*add_rows)(vb_device *, const vb_add_rows_args *, vblip_error *);
    vblip_status (*set_row)(vb_device *, const vb_set_row_args *, vblip_error *);
    vblip_status (*mean_rows)(vb_device *, const vb_mean_rows_args *, vblip_error *);
    vblip_status (*l2norm)(vb_device *, const vb_l2norm_args *, vblip_error *);
    vblip_status (*topk)(vb_device *, const vb_topk_args *, vblip_error *);

    // Has what was recorded run. Waits for it where it fills downloads; what is not waited
    // for may fail in a later submit, as the device is lost.
    vblip_status (*submit)(vb_device *device, vblip_error *err);
    // Waits until all that was submitted has run. May be NULL: submit waits.
    vblip_status (*finish)(vb_device *device, vblip_error *err);
    // Drops what was recorded since the last submit, downloads included.
    void (*discard)(vb_device *device);

    // Variants of ops beside the device's own kernels: from now on the n-th of those that
    // are for the type of weights in use is chosen wherever it fits, and no other;
    // UINT32_MAX: the best are again. Its name, and the op that it computes; NULL: no such.
    // The function may be NULL: there are none.
    const char *(*variant)(vb_device *device, uint32_t n, const char **op);

    // GFLOP/s of the arithmetic units, measured, in the type of weights; 0 where nothing
    // here knows how. May be NULL: the same.
    double (*peak)(vb_device *device);
} vb_device_table;

struct vb_device {
    const vb_device_table *table;
    vb_device_caps caps;
    vb_dtype weights; // what new matrices are stored in; one of caps.weight_types
    double flops;     // products and sums of linear and attention since it was opened
    double running_s; // from submits until they were seen to have run, since it was
                      // opened; 0 where ops run at once
};

// What activations between ops are best stored in, as ops.h says which: VB_F32, or the
// type of weights.
vb_dtype vb_device_activations(const vb_device *device);

// The same of rows of so many columns: narrow ones come in eights.
vb_dtype vb_device_activations_of(const vb_device *device, uint32_t cols);

// The same of queries, keys and values.
vb_dtype vb_device_keys(const vb_device *device);

// Whether it has vb_absorbed_attention with the weights in use.
bool vb_device_absorbs(const vb_device *device);

// Closes `*device` (NULL is fine) and leaves NULL.
void vb_device_close(vb_device **device);

const vblip_device_info *vb_device_describe(const vb_device *device);
VB_CHECKED vblip_status vb_device_profile(vb_device *device, vblip_op_time_fn fn,
                                          void *user, vblip_error *err);

double vb_device_peak(vb_device *device); // GFLOP/s, or 0

// Waits until all that was submitted has run: for who takes the time.
VB_CHECKED vblip_status vb_device_finish(vb_device *device, vblip_error *err);

// As the device's table has it.
const char *vb_device_variant(vb_device *device, uint32_t n, const char **op);

// A type of weights as options and reports spell it: "f32", "f16" or "bf16".
const char *vb_precision_name(vb_dtype weights);

VB_CHECKED vblip_status vb_buffer_make(vb_buffer **out, vb_device *device,
                                       uint64_t bytes, const char *name,
                                       vblip_error *err);
void vb_buffer_free(vb_buffer **buffer);

VB_CHECKED vblip_status vb_matrix_make(vb_matrix **out, vb_device *device,
                                       const vb_matrix_block *blocks, uint32_t count,
                                       uint32_t cols, uint32_t uses, const char *name,
                                       vblip_error *err);
void vb_matrix_free(vb_matrix **matrix);

// Around the vb_matrix_make of one model's weights and the submit behind them: a device that
// keeps them takes them from where they were kept. `whole`: nothing failed in between.
void vb_weights_begin(vb_device *device, vb_weights_origin origin);
void vb_weights_end(vb_device *device, bool whole);

#endif // VB_COMPUTE_DEVICE_H
