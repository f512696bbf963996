/* SPDX-License-Identifier: Apache-2.0
 *
 * Which item is the n-th sample of a run: every epoch a new permutation, drawn from (seed, epoch)
 * alone, so that a run that goes on sees what it would have seen. */
#ifndef MEL_TRAINER_ORDER_H
#define MEL_TRAINER_ORDER_H

#include "base/base.h"

typedef struct Order Order;

Order *order_new(uint64_t seed, int64_t items);
void order_free(Order *order); /* NULL is fine */
int64_t order_item(Order *order, int64_t sample);

#endif
