/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step trains: the parameters of its graph, in groups by what moves them, and for each group
 * flat variables of their values, gradients, moments and averages, in which they lie in the order
 * in which their gradients are complete. */
#ifndef MEL_TRAINER_TRAINED_H
#define MEL_TRAINER_TRAINED_H

#include "trainer/gradient_sums.h"

/* AdamW with the rates of weights or of alphas moves them; or, for running statistics, on which the
 * loss does not depend, the batches themselves. */
typedef enum TrainedGroup { GROUP_WEIGHTS, GROUP_ALPHAS, GROUP_STATISTICS, GROUPS } TrainedGroup;
enum { MOVED_GROUPS = GROUP_STATISTICS };

/* What there is of each: an average only where one is wanted. Statistics have gradients and moments
 * too, which stay 0: so checkpoints are of one form. */
typedef enum TrainedKind {
    KIND_VALUE,
    KIND_GRADIENT,
    KIND_FIRST,
    KIND_SECOND,
    KIND_AVERAGE,
    KINDS
} TrainedKind;

const char *trained_kind_name(TrainedKind kind); /* "first moment of ", "" */

enum { TRAINED_NAME_SIZE = 512 };
/* "first moment of unet.conv_in.weight"; of KIND_VALUE the name itself. */
const char *trained_name(char text[TRAINED_NAME_SIZE], TrainedKind kind, const char *name);

typedef struct Trained Trained;

/* All variables that the graph has by now. Both must outlive it. ranks: whether their gradients are
 * to be added up over several, in buckets. */
Trained *trained_new(Graph *graph, Variables *variables, bool ranks);
void trained_free(Trained *trained); /* NULL is fine */

int trained_count(const Trained *trained);
Node *trained_param(const Trained *trained, int i); /* in the graph's order */

/* The variable to which the gradient of parameter i is to be added. */
Node *trained_gradient(const Trained *trained, int i);
/* That has been built. For several ranks a milestone of the graph ends each bucket. */
void trained_complete(Trained *trained, int i);
/* All gradients have been built; what has none is a statistic. */
void trained_completed(Trained *trained);

/* The flat variables, of zeroes; errors as mel_variables_add_flat. */
MEL_MUST_CHECK bool trained_add_variables(Trained *trained, bool averages, Err *err);
/* What parameter i and its average begin with. */
MEL_MUST_CHECK bool trained_write(Trained *trained, int i, const float *first, Err *err);

/* A group's flat variable of a kind; none where nothing is in the group. */
bool trained_has(const Trained *trained, TrainedKind kind, TrainedGroup group);
VariableSpan trained_flat(const Trained *trained, TrainedKind kind, TrainedGroup group);
Node *trained_flat_node(const Trained *trained, Graph *graph, TrainedKind kind, TrainedGroup group);
const char *trained_group_name(TrainedGroup group);

/* How the gradients are to be added up over ranks: *out is the caller's to free(). */
int trained_buckets(const Trained *trained, GradientBucket **out);

#endif
