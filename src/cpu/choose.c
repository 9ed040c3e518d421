// choose.c - which of the compiled kernels this processor runs.
#include "cpu/kernels.h"

enum { MOST = 5 };

#if defined(__x86_64__)
static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool runs_avx512(void)
{
    return runs_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

const vb_kernels *const *vb_kernels_all(void)
{
    static _Thread_local const vb_kernels *found[MOST];
    uint32_t count = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (runs_avx512() && __builtin_cpu_supports("avx512bf16"))
        found[count++] = &vb_kernels_avx512bf16;
    if (runs_avx512())
        found[count++] = &vb_kernels_avx512;
    if (runs_avx2())
        found[count++] = &vb_kernels_avx2;
#endif
    found[count++] = &vb_kernels_base;
    found[count] = NULL;
    return found;
}

const vb_kernels *vb_kernels_choose(void)
{
    return vb_kernels_all()[0];
}
