// row_sum.glsl - sum of one value per invocation over the workgroup, a power of two of
// them. Every invocation must call it.
#ifndef VB_ROW_SUM_GLSL
#define VB_ROW_SUM_GLSL

#ifndef ROW_INVOCATIONS
#define ROW_INVOCATIONS 64
#endif
const uint WG = ROW_INVOCATIONS;
shared float row_partial[WG];

float row_sum(float value)
{
    uint t = gl_LocalInvocationID.x;
    row_partial[t] = value;
    barrier();
    for (uint stride = WG / 2u; stride > 0u; stride >>= 1) {
        if (t < stride)
            row_partial[t] += row_partial[t + stride];
        barrier();
    }
    float sum = row_partial[0];
    barrier(); // row_partial is reused by the next call
    return sum;
}

#endif // VB_ROW_SUM_GLSL
