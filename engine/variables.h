/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays that outlive a run: trained weights, what an optimiser remembers of them. They lie in a
 * device's memory as f32; every plan that is made with them reads and writes the same ones. */
#ifndef MEL_ENGINE_VARIABLES_H
#define MEL_ENGINE_VARIABLES_H

#include "engine/tensor.h"

typedef struct Backend Backend;
typedef struct Variables Variables;

Variables *mel_variables_new(Backend *backend);
void mel_variables_free(Variables *variables); /* after the plans made with them; NULL is fine */

/* One more, of zeroes, or of `first` (as many floats as the shape has). The name must be new. */
MEL_MUST_CHECK bool mel_variables_add(Variables *variables, const char *name, Shape shape,
                                      const float *first, Err *err);

int mel_variables_count(const Variables *variables);
const char *mel_variables_name(const Variables *variables, int i);
const Shape *mel_variables_shape(const Variables *variables, int i);
int mel_variables_find(const Variables *variables, const char *name); /* -1 for none */

/* All of one, as the shape says. */
MEL_MUST_CHECK bool mel_variables_read(const Variables *variables, int i, float *out, Err *err);
MEL_MUST_CHECK bool mel_variables_write(Variables *variables, int i, const float *data, Err *err);

/* Where one lies, when that is the host's memory and in f32: to be read and changed in place
 * between runs. NULL elsewhere. */
float *mel_variables_host(Variables *variables, int i);

#endif
