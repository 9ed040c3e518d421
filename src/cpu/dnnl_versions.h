// dnnl_versions.h - what differs between oneDNN 2 and 3: whose memory a description of
// memory is, and how a matmul is described.
#ifndef VB_CPU_DNNL_VERSIONS_H
#define VB_CPU_DNNL_VERSIONS_H

#include <stdlib.h>

#include <oneapi/dnnl/dnnl.h>

#if DNNL_VERSION_MAJOR >= 3

typedef dnnl_memory_desc_t vb_layout;
typedef const_dnnl_memory_desc_t vb_const_layout;

// [rows, cols], elements so far apart.
static inline dnnl_status_t vb_layout_strided(vb_layout *out, const dnnl_dims_t shape,
                                              dnnl_data_type_t type,
                                              const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(out, 2, shape, type, strides);
}

// [rows, cols], as the product likes best.
static inline dnnl_status_t vb_layout_any(vb_layout *out, const dnnl_dims_t shape,
                                          dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_tag(out, 2, shape, type, dnnl_format_tag_any);
}

static inline dnnl_status_t vb_layout_clone(vb_layout *out, vb_const_layout layout)
{
    return dnnl_memory_desc_clone(out, layout);
}

static inline void vb_layout_free(vb_layout layout)
{
    if (layout)
        dnnl_memory_desc_destroy(layout);
}

static inline dnnl_status_t vb_matmul_describe(dnnl_primitive_desc_t *out,
                                               vb_const_layout x, vb_const_layout w,
                                               vb_const_layout y,
                                               const_dnnl_primitive_attr_t attributes,
                                               dnnl_engine_t engine)
{
    return dnnl_matmul_primitive_desc_create(out, engine, x, w, NULL, y, attributes);
}

#else

typedef dnnl_memory_desc_t *vb_layout;
typedef const dnnl_memory_desc_t *vb_const_layout;

static inline dnnl_status_t vb_layout_clone(vb_layout *out, vb_const_layout layout)
{
    *out = malloc(sizeof **out);
    if (!*out)
        return dnnl_out_of_memory;
    **out = *layout;
    return dnnl_success;
}

static inline void vb_layout_free(vb_layout layout)
{
    free(layout);
}

static inline dnnl_status_t vb_layout_strided(vb_layout *out, const dnnl_dims_t shape,
                                              dnnl_data_type_t type,
                                              const dnnl_dims_t strides)
{
    dnnl_memory_desc_t layout;
    const dnnl_status_t status =
        dnnl_memory_desc_init_by_strides(&layout, 2, shape, type, strides);
    return status == dnnl_success ? vb_layout_clone(out, &layout) : status;
}

static inline dnnl_status_t vb_layout_any(vb_layout *out, const dnnl_dims_t shape,
                                          dnnl_data_type_t type)
{
    dnnl_memory_desc_t layout;
    const dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(&layout, 2, shape, type, dnnl_format_tag_any);
    return status == dnnl_success ? vb_layout_clone(out, &layout) : status;
}

static inline dnnl_status_t vb_matmul_describe(dnnl_primitive_desc_t *out,
                                               vb_const_layout x, vb_const_layout w,
                                               vb_const_layout y,
                                               const_dnnl_primitive_attr_t attributes,
                                               dnnl_engine_t engine)
{
    dnnl_matmul_desc_t matmul;
    const dnnl_status_t status = dnnl_matmul_desc_init(&matmul, x, w, NULL, y);
    return status == dnnl_success
               ? dnnl_primitive_desc_create(out, &matmul, attributes, engine, NULL)
               : status;
}

#endif

#endif // VB_CPU_DNNL_VERSIONS_H
