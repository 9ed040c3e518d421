// linear_coopmat.comp - one workgroup per tile of BM rows by BN columns of y, in cooperative
// matrices of M x N x K. Tiles along x are columns, along y rows of all the batch. x is
// halves or rounded to them, w is halves, sums are floats.
//
// A subgroup owns WM by WN of the tile. Tiles of x and w go through registers into shared
// memory, BK of their columns at a time; those of the next turn are on their way while this
// one's are multiplied, and lie in another buffer, so that a turn has one barrier.
//
// Compiled with -DM -DN -DK -DBM -DBN -DBK -DWM -DWN. in_cols is a multiple of 8. Needs full
// subgroups, of as many invocations as the workgroup has divided by SUBGROUPS.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#pragma use_vulkan_memory_model
#include "common.glsl"
#include "halves.glsl"
#include "op_params.h"

const uint SUBGROUPS = BM / WM * (BN / WN);
const uint EIGHTS = BK / 8u;      // uvec4 of eight halves in a row of a tile
const uint PITCH = EIGHTS + 1u;   // so that rows do not begin in the same bank
const float MOST = 65504.0;       // of a half

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = SUBGROUPS * 32u;
layout(constant_id = 1) const bool ONE_MATRIX = false; // no gaps between those of the batch
layout(constant_id = 2) const uint HALVES = 0u;        // VB_HALVES_Y, VB_HALVES_X
const uint LANES = THREADS / SUBGROUPS;
const uint X_LOADS = BM * EIGHTS / THREADS, W_LOADS = BN * EIGHTS / THREADS;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 0) writeonly buffer YHalves { uvec2 y_halves[]; };
layout(set = 0, binding = 1) readonly buffer X { vec4 x[]; };
layout(set = 0, binding = 1) readonly buffer XHalves { uvec4 x_halves[]; };
layout(set = 0, binding = 2) readonly buffer W { uvec4 w[]; };
layout(set = 0, binding = 3) readonly buffer Bias { float bias[]; };
layout(set = 0, binding = 4) readonly buffer Residual { float residual[]; };
layout(push_constant) uniform Params { vb_linear_params p; };

shared uvec4 x_tile[2][BM * PITCH];
shared uvec4 w_tile[2][BN * PITCH];
shared float stage[SUBGROUPS][M * N];
uvec4 x_next[X_LOADS], w_next[W_LOADS];

// Where row `line`, counted through all the batch, begins.
uint place(vb_view view, uint line)
{
    if (ONE_MATRIX)
        return view.offset + line * view.row_stride;
    return view.offset + line / p.rows * view.batch_stride +
           line % p.rows * view.row_stride;
}

// Eight columns of a row of x from quad `i` on.
uvec4 activations(uint i)
{
    if ((HALVES & VB_HALVES_X) != 0u)
        return x_halves[i / 2u];
    return uvec4(to_halves(clamp(x[i], -MOST, MOST)),
                 to_halves(clamp(x[i + 1u], -MOST, MOST)));
}

// Columns `eighth` and up, in eights, of the tile's rows of x and of w; zero behind the
// last. Rows behind the last are read as that one: what they give is not stored.
void fetch(uint row0, uint col0, uint eighth)
{
    uint eighths = p.in_cols / 8u;
    [[unroll]] for (uint i = 0u; i < X_LOADS; i++) {
        uint at = i * THREADS + gl_LocalInvocationID.x;
        uint k = eighth + at % EIGHTS;
        uint line = min(row0 + at / EIGHTS, p.batch * p.rows - 1u);
        x_next[i] = k < eighths ? activations(place(p.x, line) + 2u * k) : uvec4(0u);
    }
    [[unroll]] for (uint i = 0u; i < W_LOADS; i++) {
        uint at = i * THREADS + gl_LocalInvocationID.x;
        uint k = eighth + at % EIGHTS;
        uint col = min(col0 + at / EIGHTS, p.out_cols - 1u);
        w_next[i] = k < eighths ? w[col * eighths + k] : uvec4(0u);
    }
}

void put(uint turn)
{
    [[unroll]] for (uint i = 0u; i < X_LOADS; i++) {
        uint at = i * THREADS + gl_LocalInvocationID.x;
        x_tile[turn][at / EIGHTS * PITCH + at % EIGHTS] = x_next[i];
    }
    [[unroll]] for (uint i = 0u; i < W_LOADS; i++) {
        uint at = i * THREADS + gl_LocalInvocationID.x;
        w_tile[turn][at / EIGHTS * PITCH + at % EIGHTS] = w_next[i];
    }
}

bool inside(uint row, uint col)
{
    return row < p.batch * p.rows && col < p.out_cols;
}

float finish(uint row, uint col, float sum)
{
    if ((p.flags & VB_LINEAR_BIAS) != 0u)
        sum += bias[p.bias + col];
    if ((p.flags & VB_LINEAR_GELU) != 0u)
        sum = gelu(sum);
    if ((p.flags & VB_LINEAR_RELU) != 0u)
        sum = max(sum, 0.0);
    if ((p.flags & VB_LINEAR_RESIDUAL) != 0u)
        sum += residual[place(p.residual, row) + col];
    return sum;
}

// What a subgroup has in its stage, M rows of N columns of y. Columns of halves come in
// eights.
void store(uint row0, uint col0)
{
    uint sub = gl_SubgroupID, lane = gl_SubgroupInvocationID;
    if ((HALVES & VB_HALVES_Y) != 0u) {
        for (uint i = 4u * lane; i < M * N; i += 4u * LANES) {
            uint row = row0 + i / N, col = col0 + i % N;
            vec4 value;
            if (!inside(row, col))
                continue;
            [[unroll]] for (uint j = 0u; j < 4u; j++)
                value[j] = finish(row, col + j, stage[sub][i + j]);
            y_halves[(place(p.y, row) + col) / 4u] = to_halves(value);
        }
        return;
    }
    for (uint i = lane; i < M * N; i += LANES) {
        uint row = row0 + i / N, col = col0 + i % N;
        if (inside(row, col))
            y[place(p.y, row) + col] = finish(row, col, stage[sub][i]);
    }
}

void main()
{
    uint row0 = gl_WorkGroupID.y * BM, col0 = gl_WorkGroupID.x * BN;
    uint sub_row = gl_SubgroupID / (BN / WN) * WM;
    uint sub_col = gl_SubgroupID % (BN / WN) * WN;
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[WM / M][WN / N];
    [[unroll]] for (uint r = 0u; r < WM / M; r++)
        [[unroll]] for (uint c = 0u; c < WN / N; c++)
            sum[r][c] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);

    fetch(row0, col0, 0u);
    put(0u);
    barrier();
    uint turn = 0u;
    for (uint eighth = 0u; 8u * eighth < p.in_cols; eighth += EIGHTS) {
        bool more = 8u * (eighth + EIGHTS) < p.in_cols;
        if (more)
            fetch(row0, col0, eighth + EIGHTS);
        [[unroll]] for (uint k = 0u; k < BK; k += K) {
            coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[WM / M];
            coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
            [[unroll]] for (uint r = 0u; r < WM / M; r++)
                coopMatLoad(a[r], x_tile[turn], (sub_row + r * M) * PITCH + k / 8u, PITCH,
                            gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint c = 0u; c < WN / N; c++) {
                coopMatLoad(b, w_tile[turn], (sub_col + c * N) * PITCH + k / 8u, PITCH,
                            gl_CooperativeMatrixLayoutColumnMajor);
                [[unroll]] for (uint r = 0u; r < WM / M; r++)
                    sum[r][c] = coopMatMulAdd(a[r], b, sum[r][c]);
            }
        }
        if (more)
            put(turn ^ 1u);
        barrier();
        turn ^= 1u;
    }

    // Which invocation holds which element is the driver's secret: they are told apart in
    // shared memory.
    [[unroll]] for (uint r = 0u; r < WM / M; r++) {
        [[unroll]] for (uint c = 0u; c < WN / N; c++) {
            coopMatStore(sum[r][c], stage[gl_SubgroupID], 0u, N,
                         gl_CooperativeMatrixLayoutRowMajor);
            subgroupBarrier();
            store(row0 + sub_row + r * M, col0 + sub_col + c * N);
            subgroupBarrier();
        }
    }
}
