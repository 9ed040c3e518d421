#include "compute/tensor.h"

#include <assert.h>

vb_tensor vb_tensor_view(vb_buffer *buffer, uint64_t offset, vb_dtype type,
                         uint32_t batch, uint32_t rows, uint32_t cols)
{
    return (vb_tensor){
        .buffer = buffer,
        .offset = offset,
        .batch = batch,
        .rows = rows,
        .cols = cols,
        .row_stride = cols,
        .batch_stride = rows * cols,
        .type = type,
    };
}

vb_tensor vb_columns(vb_tensor t, uint32_t first, uint32_t count)
{
    assert(first <= t.cols && count <= t.cols - first);
    t.offset += (uint64_t)first * vb_dtype_size(t.type);
    t.cols = count;
    return t;
}

vb_tensor vb_rows(vb_tensor t, uint32_t first, uint32_t count)
{
    assert(first <= t.rows && count <= t.rows - first);
    t.offset += (uint64_t)first * t.row_stride * vb_dtype_size(t.type);
    t.rows = count;
    return t;
}

vb_tensor vb_batches(vb_tensor t, uint32_t first, uint32_t count)
{
    assert(first <= t.batch && count <= t.batch - first);
    t.offset += (uint64_t)first * t.batch_stride * vb_dtype_size(t.type);
    t.batch = count;
    return t;
}

vb_tensor vb_flat(vb_tensor t)
{
    assert(t.batch == 1 || t.batch_stride == t.rows * t.row_stride);
    t.rows *= t.batch;
    t.batch = 1;
    t.batch_stride = t.rows * t.row_stride;
    return t;
}

vb_tensor vb_reshape(vb_tensor t, uint32_t batch, uint32_t rows, uint32_t cols)
{
    assert(vb_tensor_packed(&t));
    assert(vb_tensor_elements(&t) == (uint64_t)batch * rows * cols);
    return vb_tensor_view(t.buffer, t.offset, t.type, batch, rows, cols);
}

bool vb_tensor_packed(const vb_tensor *t)
{
    return t->row_stride == t->cols &&
           (t->batch <= 1 || t->batch_stride == t->rows * t->cols);
}

uint64_t vb_tensor_elements(const vb_tensor *t)
{
    return (uint64_t)t->batch * t->rows * t->cols;
}

uint64_t vb_tensor_bytes(const vb_tensor *t)
{
    if (!t->batch || !t->rows || !t->cols)
        return 0;
    uint64_t last = (uint64_t)(t->batch - 1) * t->batch_stride +
                    (uint64_t)(t->rows - 1) * t->row_stride + t->cols;
    return last * vb_dtype_size(t->type);
}
