/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of one number, each written once with its slope. Whoever makes code of the list
 * defines EXP, ERF, TANH, SQRT, LOG, SIN and COS for its type, and C(n), a constant of that type.
 */
#ifndef MEL_ENGINE_UNARY_LIST_H
#define MEL_ENGINE_UNARY_LIST_H

#define SIGMOID(x) (1 / (1 + EXP(-(x))))
#define PHI(x) (C(0.5) * (1 + ERF((x)*C(0.70710678118654752))))
#define TANH_ARGUMENT C(0.79788456080286536) * (x + C(0.044715) * x * x * x)
#define TANH_SLOPE C(0.79788456080286536) * (1 + C(0.134145) * x * x)
#define LARGER(x, y) ((x) > (y) ? (x) : (y))

/* kind, value at x, slope at x; C(n) is a constant of the type. */
#define UNARY_LIST(F)                                                                              \
    F(UNARY_AFFINE, a *x + b, a)                                                                   \
    F(UNARY_RELU, x > 0 ? x : 0, x > 0 ? 1 : 0)                                                    \
    F(UNARY_LEAKY_RELU, x > 0 ? x : a * x, x > 0 ? 1 : a)                                          \
    F(UNARY_SILU, x *SIGMOID(x), SIGMOID(x) * (1 + x * (1 - SIGMOID(x))))                          \
    F(UNARY_GELU, x *PHI(x), PHI(x) + x * C(0.39894228040143268) * EXP(C(-0.5) * x * x))           \
    F(UNARY_GELU_TANH, C(0.5) * x * (1 + TANH(TANH_ARGUMENT)),                                     \
      C(0.5) * (1 + TANH(TANH_ARGUMENT)) +                                                         \
          C(0.5) * x * (1 - TANH(TANH_ARGUMENT) * TANH(TANH_ARGUMENT)) * TANH_SLOPE)               \
    F(UNARY_QUICK_GELU, x *SIGMOID(C(1.702) * x),                                                  \
      SIGMOID(C(1.702) * x) * (1 + C(1.702) * x * (1 - SIGMOID(C(1.702) * x))))                    \
    F(UNARY_SIGMOID, SIGMOID(x), SIGMOID(x) * (1 - SIGMOID(x)))                                    \
    F(UNARY_TANH, TANH(x), 1 - TANH(x) * TANH(x))                                                  \
    F(UNARY_EXP, EXP(x), EXP(x))                                                                   \
    F(UNARY_LOG, LOG(LARGER(x, a)), x > a ? 1 / x : 0)                                             \
    F(UNARY_SQRT, SQRT(LARGER(x, a)), x > a ? C(0.5) / SQRT(x) : 0)                                \
    F(UNARY_RSQRT, 1 / SQRT(x + a), C(-0.5) / ((x + a) * SQRT(x + a)))                             \
    F(UNARY_SQUARE, x *x, 2 * x)                                                                   \
    F(UNARY_ABS, x < 0 ? -x : x, x < 0 ? -1 : 1)                                                   \
    F(UNARY_CLAMP, x<a ? a : x> b ? b : x, x<a || x> b ? 0 : 1)                                    \
    F(UNARY_SIN, SIN(x), COS(x))                                                                   \
    F(UNARY_COS, COS(x), -SIN(x))

#endif
