/* SPDX-License-Identifier: Apache-2.0
 *
 * A 64-bit perceptual hash: the picture shrunk to 32x32 by area, its DCT-II, and for each of the
 * 63 lowest frequencies besides the mean one bit, whether it lies above their median. */
#include "curator/fingerprint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, LOW = 8, COEFFICIENTS = LOW * LOW };

/* Of the orthonormal 32x32 transform, in which a cosine of amplitude 1 has a coefficient of 16. */
static const double FLAT_BELOW = 16; /* no wave of a whole grey level: nothing to recognise */
static const double ZERO_BELOW = 2;  /* an eighth of a level is noise, whose sign is chance */

/* Output cell i covers input [i * n / SIDE, (i + 1) * n / SIDE): in units of 1/SIDE pixel all
 * borders are whole numbers, so that the sums are exact and the same everywhere. */
static void add_row(const uint8_t *row, int width, int64_t weight, int64_t cells[SIDE])
{
    for (int i = 0; i < SIDE; i++) {
        int64_t from = (int64_t)i * width, to = from + width, sum = 0;
        for (int64_t x = from / SIDE; x * SIDE < to; x++) {
            int64_t left = x * SIDE > from ? x * SIDE : from;
            int64_t right = (x + 1) * SIDE < to ? (x + 1) * SIDE : to;
            sum += (right - left) * row[x];
        }
        cells[i] += sum * weight;
    }
}

static void shrink(const uint8_t *luma, int width, int height, ptrdiff_t stride,
                   double small[SIDE][SIDE])
{
    double area = (double)width * height;
    for (int j = 0; j < SIDE; j++) {
        int64_t cells[SIDE] = {0};
        int64_t from = (int64_t)j * height, to = from + height;
        for (int64_t y = from / SIDE; y * SIDE < to; y++) {
            int64_t top = y * SIDE > from ? y * SIDE : from;
            int64_t bottom = (y + 1) * SIDE < to ? (y + 1) * SIDE : to;
            add_row(luma + y * stride, width, bottom - top, cells);
        }
        for (int i = 0; i < SIDE; i++)
            small[j][i] = (double)cells[i] / area;
    }
}

static void low_frequencies(double small[SIDE][SIDE], double out[COEFFICIENTS])
{
    double cosine[LOW][SIDE], rows[SIDE][LOW];
    for (int k = 0; k < LOW; k++)
        for (int i = 0; i < SIDE; i++)
            cosine[k][i] =
                cos(M_PI * k * (2 * i + 1) / (2.0 * SIDE)) * sqrt((k ? 2.0 : 1.0) / SIDE);
    for (int j = 0; j < SIDE; j++)
        for (int k = 0; k < LOW; k++) {
            rows[j][k] = 0;
            for (int i = 0; i < SIDE; i++)
                rows[j][k] += small[j][i] * cosine[k][i];
        }
    for (int v = 0; v < LOW; v++)
        for (int u = 0; u < LOW; u++) {
            double sum = 0;
            for (int j = 0; j < SIDE; j++)
                sum += rows[j][u] * cosine[v][j];
            out[v * LOW + u] = fabs(sum) < ZERO_BELOW ? 0 : sum;
        }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

uint64_t mel_picture_hash(const uint8_t *luma, int width, int height, ptrdiff_t stride)
{
    MEL_ASSERT(width > 0 && height > 0);
    double small[SIDE][SIDE], coefficients[COEFFICIENTS], sorted[COEFFICIENTS - 1];
    shrink(luma, width, height, stride, small);
    low_frequencies(small, coefficients);

    memcpy(sorted, coefficients + 1, sizeof sorted);
    qsort(sorted, COEFFICIENTS - 1, sizeof *sorted, by_value);
    if (fmax(-sorted[0], sorted[COEFFICIENTS - 2]) < FLAT_BELOW) return 0;

    double median = sorted[(COEFFICIENTS - 1) / 2];
    uint64_t hash = 0;
    for (int i = 1; i < COEFFICIENTS; i++)
        if (coefficients[i] > median) hash |= UINT64_C(1) << i;
    return hash;
}

int mel_picture_distance(uint64_t a, uint64_t b)
{
    return __builtin_popcountll(a ^ b);
}
