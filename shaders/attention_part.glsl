// attention_part.glsl - where attention over one chunk of the keys leaves what it has of a
// row of q: sums over its keys of weight times v, the highest score, the sum of weights.
#ifndef VB_ATTENTION_PART_GLSL
#define VB_ATTENTION_PART_GLSL

// `line` is counted through all chunks, and all the batch in each.
uint attention_part(uint line, uint head, uint heads, uint head_dim)
{
    return (line * heads + head) * (head_dim + 2u);
}

#endif // VB_ATTENTION_PART_GLSL
