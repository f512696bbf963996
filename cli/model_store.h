/* SPDX-License-Identifier: Apache-2.0
 *
 * A pulled model's folder: the hub's files, and melkit.json, which says where they came from, how
 * large they are and what their hashes were when they arrived. */
#ifndef MEL_CLI_MODEL_STORE_H
#define MEL_CLI_MODEL_STORE_H

#include "cli/model_catalogue.h"

typedef struct PullOptions {
    const char *endpoint, *token; /* of the hub */
    const char *repository;       /* in place of the catalogue's; may be NULL */
    const Progress *progress;
} PullOptions;

/* Fetches what `entry` needs below home/<name>. *bytes and *files: what lies there now. */
MEL_MUST_CHECK bool model_pull(HttpClient *client, const ModelEntry *entry, const char *home,
                               const PullOptions *options, int64_t *files, int64_t *bytes,
                               Err *err);

typedef enum ModelState {
    MODEL_ABSENT,
    MODEL_PARTIAL, /* a pull was stopped, or a file is gone */
    MODEL_PRESENT, /* every file of melkit.json is there with its size */
    MODEL_OWN,     /* a folder without melkit.json */
} ModelState;

ModelState model_state(const char *folder, int64_t *bytes);

/* Hashes every file of melkit.json again and opens what can be opened: weights, towers. ERR_FORMAT
 * for the first thing that is wrong. */
MEL_MUST_CHECK bool model_verify(const char *folder, const Progress *progress, int64_t *files,
                                 int64_t *bytes, Err *err);

#endif
