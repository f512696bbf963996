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

/* Of a flat variable: what is behind what in its memory. */
typedef struct FlatMember {
    const char *name;
    Shape shape;
} FlatMember;

/* A flat variable, of shape [N], and its members: views of it that are variables like others, so
 * that what is written to one is in the whole and the other way round. They lie in the given order
 * in one piece of memory; each begins at a multiple of 64 bytes. All of it is zero at first, and
 * what lies between the members stays so unless the whole is written. All names must be new, else
 * ERR_USAGE; ERR_LIMIT and ERR_NOMEM as for one. After an error there is none of them. */
MEL_MUST_CHECK bool mel_variables_add_flat(Variables *variables, const char *name,
                                           const FlatMember *members, int count, Err *err);
bool mel_variables_is_flat(const Variables *variables, int i); /* a whole, not a member */
/* Which number of its flat variable a member's first is; 0 of any other. */
int64_t mel_variables_begin(const Variables *variables, int i);

int mel_variables_count(const Variables *variables);
const char *mel_variables_name(const Variables *variables, int i);
const Shape *mel_variables_shape(const Variables *variables, int i);
int mel_variables_find(const Variables *variables, const char *name); /* -1 for none */

/* All of one, as the shape says. */
MEL_MUST_CHECK bool mel_variables_read(const Variables *variables, int i, float *out, Err *err);
MEL_MUST_CHECK bool mel_variables_write(Variables *variables, int i, const float *data, Err *err);

/* Some of the numbers of one, from `begin` on; they must be there. */
typedef struct VariableSpan {
    int variable;
    int64_t begin, count;
} VariableSpan;
VariableSpan mel_variables_whole(const Variables *variables, int i);

MEL_MUST_CHECK bool mel_variables_read_part(const Variables *variables, VariableSpan span,
                                            float *out, Err *err);
MEL_MUST_CHECK bool mel_variables_write_part(Variables *variables, VariableSpan span,
                                             const float *data, Err *err);

/* Where one lies, when that is the host's memory and in f32: to be read and changed in place
 * between runs. NULL elsewhere. */
float *mel_variables_host(Variables *variables, int i);

#endif
