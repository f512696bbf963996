/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/fingerprint.h"

#include <stdlib.h>

void mel_groups_init(Groups *groups, size_t count)
{
    MEL_ASSERT(count <= SIZE_MAX / sizeof *groups->parent);
    groups->parent = mel_alloc(count * sizeof *groups->parent);
    groups->count = count;
    for (size_t i = 0; i < count; i++)
        groups->parent[i] = i;
}

void mel_groups_clear(Groups *groups)
{
    free(groups->parent);
    *groups = (Groups){0};
}

size_t mel_groups_find(Groups *groups, size_t item)
{
    MEL_ASSERT(item < groups->count);
    size_t *parent = groups->parent;
    while (parent[item] != item) {
        parent[item] = parent[parent[item]];
        item = parent[item];
    }
    return item;
}

/* Linking by index instead of by rank keeps the representative independent of the order of the
 * edges; halving alone still bounds a find at O(log n) amortised. */
void mel_groups_join(Groups *groups, size_t a, size_t b)
{
    a = mel_groups_find(groups, a);
    b = mel_groups_find(groups, b);
    if (a < b)
        groups->parent[b] = a;
    else
        groups->parent[a] = b;
}
