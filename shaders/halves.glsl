// halves.glsl - operands that may lie in halves: which do, a constant of the pipeline says
// in bits VB_HALVES_*. They are read and written in words of two, so that no device needs
// 16-bit storage; a binding has a block of floats and one of words then, and a pipeline
// uses one of the two.
#ifndef VB_HALVES_GLSL
#define VB_HALVES_GLSL

vec4 from_halves(uvec2 words)
{
    return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y));
}

uvec2 to_halves(vec4 v)
{
    return uvec2(packHalf2x16(v.xy), packHalf2x16(v.zw));
}

#endif // VB_HALVES_GLSL
