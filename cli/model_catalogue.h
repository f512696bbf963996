/* SPDX-License-Identifier: Apache-2.0
 *
 * The models that Melkit knows by name, and where they are: schemas/models.json. Anything else that
 * is named "owner/name" is a repository of the hub. */
#ifndef MEL_CLI_MODEL_CATALOGUE_H
#define MEL_CLI_MODEL_CATALOGUE_H

#include "base/base.h"
#include "curator/curator.h"

typedef struct ModelEntry {
    const char *name, *what, *license;
    int64_t mbytes;
    const json_t *repositories; /* texts: the hub's, the first that is there; NULL for downloads */
    const json_t *folders;      /* of the repository; NULL: its top */
    const json_t *files;        /* exactly these; NULL: what a model needs */
    const json_t *downloads;    /* [{path, urls}] */
    const json_t *config;       /* written as config.json; NULL for none */
} ModelEntry;

json_t *model_catalogue(void); /* drop it behind the last use of its entries */
size_t model_catalogue_count(const json_t *catalogue);
ModelEntry model_catalogue_at(const json_t *catalogue, size_t i);
bool model_catalogue_find(const json_t *catalogue, const char *name, ModelEntry *out);

/* Which files of a repository a model needs: of each folder that is wanted the configurations and
 * vocabularies, and of the weights one kind, safetensors before torch's. `wanted` has room for a
 * mark for each file. Returns how many are marked. */
size_t model_choose_files(const ModelEntry *entry, const HubListing *listing, bool *wanted);

#endif
