// common.glsl - what several ops share.
#ifndef VB_COMMON_GLSL
#define VB_COMMON_GLSL

// Large counts of workgroups come folded into two dimensions: this is the workgroup's
// place in the row of all. It may lie past the end. A dispatch may come in pieces, of whole
// rows or of the only row (src/gpu/commands.c), and gl_NumWorkGroups is of the piece.
uint group_index()
{
    return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
}

// erfc(z) for z >= 0: Abramowitz and Stegun 7.1.26, 1.5e-7 absolute.
float erfc_positive(float z)
{
    float t = 1.0 / (1.0 + 0.3275911 * z);
    float p = 1.061405429;
    p = p * t - 1.453152027;
    p = p * t + 1.421413741;
    p = p * t - 0.284496736;
    p = p * t + 0.254829592;
    return p * t * exp(-z * z);
}

// x * Phi(x), the exact form, without cancellation on either side of zero.
float gelu(float x)
{
    float tail = 0.5 * x * erfc_positive(abs(x) * 0.70710678118654752);
    return x < 0.0 ? tail : x - tail;
}

#endif // VB_COMMON_GLSL
