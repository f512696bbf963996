/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/order.h"

#include <stdlib.h>

struct Order {
    uint64_t seed;
    int64_t items, epoch; /* the one that `places` is of; -1 at first */
    int64_t *places;
};

Order *order_new(uint64_t seed, int64_t items)
{
    Order *order = mel_alloc(sizeof *order);
    *order = (Order){.seed = seed, .items = items, .epoch = -1};
    order->places = mel_alloc((size_t)items * sizeof *order->places);
    return order;
}

void order_free(Order *order)
{
    if (!order) return;
    free(order->places);
    free(order);
}

/* Fisher and Yates; 64 bits a draw make the bias of the remainder nothing. */
static void shuffle(Order *order, int64_t epoch)
{
    Rng rng = {.seed = order->seed ^ 0x6f72646572ULL, .stream = (uint64_t)epoch};
    order->epoch = epoch;
    for (int64_t i = 0; i < order->items; i++)
        order->places[i] = i;
    for (int64_t i = order->items - 1; i > 0; i--) {
        uint64_t draw = (uint64_t)mel_rng_u32(&rng) << 32 | mel_rng_u32(&rng);
        int64_t k = (int64_t)(draw % (uint64_t)(i + 1)), kept = order->places[i];
        order->places[i] = order->places[k];
        order->places[k] = kept;
    }
}

int64_t order_item(Order *order, int64_t sample)
{
    int64_t epoch = sample / order->items;
    if (epoch != order->epoch) shuffle(order, epoch);
    return order->places[sample % order->items];
}
