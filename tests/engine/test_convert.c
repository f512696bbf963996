/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers from one type into another: every f16, and the two ways to bf16. */
#include "engine/tensor.h"
#include "tests/support/test.h"

#include <math.h>

enum { HALVES = 1 << 16 };

/* IEEE 754's binary16, by its definition. */
static double half_value(int bits)
{
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double sign = bits >> 15 ? -1 : 1;
    if (exponent == 31) return mantissa ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0) return sign * ldexp(mantissa, -24);
    return sign * ldexp(1024 + mantissa, exponent - 25);
}

static uint16_t *all_halves(void)
{
    uint16_t *halves = mel_alloc(HALVES * sizeof *halves);
    for (int i = 0; i < HALVES; i++)
        halves[i] = (uint16_t)i;
    return halves;
}

static void every_half_becomes_its_float(void **state)
{
    (void)state;
    uint16_t *halves = all_halves();
    float *floats = mel_alloc(HALVES * sizeof *floats);
    mel_convert(halves, DTYPE_F16, floats, DTYPE_F32, HALVES);
    for (int i = 0; i < HALVES; i++) {
        double wanted = half_value(i), got = (double)floats[i];
        bool same = isnan(wanted) ? isnan(got) : got == wanted && signbit(got) == signbit(wanted);
        if (!same) fail_msg("%04x is %g, wanted %g", (unsigned)i, got, wanted);
    }
    free(halves);
    free(floats);
}

static void a_half_becomes_bf16_by_way_of_its_float(void **state)
{
    (void)state;
    uint16_t *halves = all_halves();
    uint16_t *direct = mel_alloc(HALVES * sizeof *direct);
    for (int count = HALVES - 3; count <= HALVES; count++) {
        mel_convert(halves, DTYPE_F16, direct, DTYPE_BF16, count);
        for (int i = 0; i < count; i++)
            if (direct[i] != mel_f32_to_bf16(mel_f16_to_f32(halves[i])))
                fail_msg("%04x becomes %04x", (unsigned)i, (unsigned)direct[i]);
    }
    free(halves);
    free(direct);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_becomes_its_float),
        cmocka_unit_test(a_half_becomes_bf16_by_way_of_its_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
