// tensor.h - views of device memory, the values that ops read and write.
#ifndef VB_COMPUTE_TENSOR_H
#define VB_COMPUTE_TENSOR_H

#include "base/dtype.h"
#include "base/error.h"

#include <stdbool.h>

typedef struct vb_device vb_device;

enum { VB_TENSOR_ALIGNMENT = 16 }; // bytes: where a tensor may begin in its buffer

// A block of device memory. A device puts its own fields behind these.
typedef struct vb_buffer {
    vb_device *device;
    uint64_t size; // bytes; at most vb_device_caps.max_buffer_bytes
} vb_buffer;

// `batch` matrices of `rows` rows of `cols` elements. Passed by value, owns nothing.
// Elements of a row are contiguous; rows and matrices may be apart, so that q, k and v
// can be columns of one matrix.
typedef struct vb_tensor {
    vb_buffer *buffer; // NULL = absent
    uint64_t offset;   // bytes; a multiple of VB_TENSOR_ALIGNMENT
    uint32_t batch, rows, cols;
    uint32_t row_stride;   // elements from one row to the next, >= cols
    uint32_t batch_stride; // elements from one matrix to the next
    vb_dtype type;
} vb_tensor;

// A packed view of `buffer` from byte `offset` on.
vb_tensor vb_tensor_view(vb_buffer *buffer, uint64_t offset, vb_dtype type,
                         uint32_t batch, uint32_t rows, uint32_t cols);

// Columns first .. first + count - 1 of every row; the first must lie at a multiple of 16
// bytes in its row.
vb_tensor vb_columns(vb_tensor t, uint32_t first, uint32_t count);

// Rows first .. first + count - 1 of every matrix.
vb_tensor vb_rows(vb_tensor t, uint32_t first, uint32_t count);

// Matrices first .. first + count - 1.
vb_tensor vb_batches(vb_tensor t, uint32_t first, uint32_t count);

// All rows of all matrices as the rows of one matrix, [1, batch * rows, cols]. `t` must
// be uniform: batch_stride = rows * row_stride.
vb_tensor vb_flat(vb_tensor t);

// The same elements as [batch, rows, cols]; `t` must be packed and hold as many.
vb_tensor vb_reshape(vb_tensor t, uint32_t batch, uint32_t rows, uint32_t cols);

bool vb_tensor_packed(const vb_tensor *t);
uint64_t vb_tensor_elements(const vb_tensor *t);
uint64_t vb_tensor_bytes(const vb_tensor *t); // from first to last byte touched

#endif // VB_COMPUTE_TENSOR_H
