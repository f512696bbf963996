/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ops/winograd_filters.h"

#include "engine/ops/simd.h"
#include "engine/ops/winograd_tiles.h"

enum { EDGE = WINOGRAD_EDGE, POINTS = WINOGRAD_POINTS, LANES = WINOGRAD_LANES };
enum { SIDE = 3, AREA = SIDE * SIDE };

#define IN(k) in[(k)*in_step + c]
#define OUT(k) out[(k)*out_step + c]

/* Three numbers by G, LANES filters at once. */
static inline void filter_step(const float *restrict in, int64_t in_step, float *restrict out,
                               int64_t out_step)
{
    for (int c = 0; c < LANES; c++) {
        float sum = (IN(0) + IN(2)) * (-1.0F / 6), middle = IN(1) * (1.0F / 6);
        float far = IN(0) * (1.0F / 24) + IN(2) * (1.0F / 6), half = IN(1) * (1.0F / 12);
        OUT(0) = IN(0) * 0.25F;
        OUT(1) = sum - middle;
        OUT(2) = sum + middle;
        OUT(3) = far + half;
        OUT(4) = far - half;
        OUT(5) = IN(2);
    }
}

/* Six numbers by Gᵀ. */
static inline void slope_step(const float *restrict in, int64_t in_step, float *restrict out,
                              int64_t out_step)
{
    for (int c = 0; c < LANES; c++) {
        float near = (IN(1) + IN(2)) * (-1.0F / 6), far = IN(3) + IN(4);
        OUT(0) = IN(0) * 0.25F + near + far * (1.0F / 24);
        OUT(1) = (IN(2) - IN(1)) * (1.0F / 6) + (IN(3) - IN(4)) * (1.0F / 12);
        OUT(2) = near + far * (1.0F / 6) + IN(5);
    }
}

#undef IN
#undef OUT

MEL_CLONES void winograd_filters(const float *w, int64_t w_step, int64_t n, bool turned, float *u,
                                 int64_t step)
{
    float d[AREA * LANES] = {0}, t[EDGE * SIDE * LANES], all[POINTS * LANES];
    for (int64_t first = 0; first < n; first += LANES) {
        int64_t lanes = n - first < LANES ? n - first : LANES;
        for (int64_t k = 0; k < lanes; k++)
            for (int i = 0; i < AREA; i++)
                d[(turned ? AREA - 1 - i : i) * LANES + k] = w[(first + k) * w_step + i];
        for (int j = 0; j < SIDE; j++)
            filter_step(d + j * LANES, SIDE * LANES, t + j * LANES, SIDE * LANES);
        if (lanes == LANES) {
            for (int i = 0; i < EDGE; i++)
                filter_step(t + i * SIDE * LANES, LANES, u + i * EDGE * step + first, step);
            continue;
        }
        for (int i = 0; i < EDGE; i++)
            filter_step(t + i * SIDE * LANES, LANES, all + i * EDGE * LANES, LANES);
        for (int p = 0; p < POINTS; p++)
            for (int64_t k = 0; k < lanes; k++)
                u[p * step + first + k] = all[p * LANES + k];
    }
}

MEL_CLONES void winograd_filters_slope(const float *u, int64_t step, int64_t n, float *dw)
{
    float all[POINTS * LANES] = {0}, t[SIDE * EDGE * LANES], d[AREA * LANES];
    for (int64_t first = 0; first < n; first += LANES) {
        int64_t lanes = n - first < LANES ? n - first : LANES;
        if (lanes == LANES) {
            for (int j = 0; j < EDGE; j++)
                slope_step(u + j * step + first, EDGE * step, t + j * LANES, EDGE * LANES);
        } else {
            for (int p = 0; p < POINTS; p++)
                for (int64_t k = 0; k < lanes; k++)
                    all[p * LANES + k] = u[p * step + first + k];
            for (int j = 0; j < EDGE; j++)
                slope_step(all + j * LANES, EDGE * LANES, t + j * LANES, EDGE * LANES);
        }
        for (int i = 0; i < SIDE; i++)
            slope_step(t + i * EDGE * LANES, LANES, d + i * SIDE * LANES, LANES);
        for (int64_t k = 0; k < lanes; k++)
            for (int i = 0; i < AREA; i++)
                dw[(first + k) * AREA + i] = d[i * LANES + k];
    }
}
