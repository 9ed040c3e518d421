#include "index/dot.h"

vb_dot_fn vb_dot_choose(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
        return vb_dot_avx512;
    // Every processor with AVX2 has F16C, which gcc 12 cannot ask for.
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return vb_dot_f16c;
#endif
    return vb_dot_base;
}
