// product.h - y = x w^T, on oneDNN: the only door to it.
//
// w is cut into panels of rows, each in the layout that oneDNN computes fastest with. A
// product multiplies some rows of x with one panel, on the thread that calls it. Operands
// have no gaps between rows, for which oneDNN 2.6 has its fast kernels.
#ifndef VB_CPU_PRODUCT_H
#define VB_CPU_PRODUCT_H

#include "base/dtype.h"
#include "base/error.h"

#include <stdbool.h>

// oneDNN on one thread: nothing here may be used by two threads at once.
typedef struct vb_product_thread vb_product_thread;

// One shape, compiled.
typedef struct vb_product vb_product;

// How w lies: as vb_product_pack lays out a panel, or plainly, as a matrix that is used
// once: its rows [out, in], or its columns [in, out].
typedef enum vb_product_layout {
    VB_PRODUCT_PANEL,
    VB_PRODUCT_ROWS,
    VB_PRODUCT_COLUMNS,
} vb_product_layout;

typedef struct vb_product_shape {
    uint32_t rows, in, out; // x [rows, in], w [out, in], y [rows, out] in VB_F32
    vb_dtype type;          // of x and w: VB_F32 or VB_BF16
    vb_product_layout layout;
} vb_product_shape;

VB_CHECKED vblip_status vb_product_thread_open(vb_product_thread **out,
                                               vblip_error *err);
void vb_product_thread_close(vb_product_thread **thread);

// oneDNN shares work among threads of its own where it is let: not between these two,
// which stand around all that this thread asks of it. enter returns what leave is told.
int vb_product_enter(void);
void vb_product_leave(int threads);

// Bytes that one panel takes; a multiple of 64.
VB_CHECKED vblip_status vb_product_panel_bytes(size_t *out, vb_product_thread *thread,
                                               uint32_t in, uint32_t rows,
                                               vb_dtype type, vblip_error *err);

// Lays out a panel, at a multiple of 64 bytes: rows [count, in] of floats.
VB_CHECKED vblip_status vb_product_pack(vb_product_thread *thread, void *panel,
                                        const float *rows, uint32_t in, uint32_t count,
                                        vb_dtype type, vblip_error *err);

VB_CHECKED vblip_status vb_product_make(vb_product **out, vb_product_thread *thread,
                                        const vb_product_shape *shape,
                                        vblip_error *err);
void vb_product_free(vb_product **product);
VB_CHECKED vblip_status vb_product_run(vb_product *product, const void *x,
                                       const void *w, float *y, vblip_error *err);

// "2.6.3", and what it makes of this processor: "AVX-512, AMX".
void vb_product_describe(char *version, size_t version_size, const char **isa);

// Whether products in VB_BF16 have instructions of their own here.
bool vb_product_has_bf16(void);

// Whether those are AMX's.
bool vb_product_has_amx(void);

#endif // VB_CPU_PRODUCT_H
