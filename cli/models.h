/* SPDX-License-Identifier: Apache-2.0
 *
 * Where models lie: a folder that is named as it is; else NAME below $MELKIT_MODELS, below the
 * dataset's models/, below the user's own (~/.local/share/melkit/models). */
#ifndef MEL_CLI_MODELS_H
#define MEL_CLI_MODELS_H

#include "base/base.h"

/* The towers that purity is computed with when none are named. */
#define CLI_CLIP "openai/clip-vit-base-patch32"
#define CLI_CLAP "laion/clap-htsat-unfused"

/* The folder of a model; yours to free. NULL and ERR_NOT_FOUND when it is nowhere. dataset: a
 * folder, or NULL. */
char *cli_model_find(const char *dataset, const char *name, Err *err);

/* Where new models go: $MELKIT_MODELS, else the dataset's models/, else the user's own. */
char *cli_model_home(const char *dataset);

/* Every place that is searched, in order, until fn returns false. */
void cli_model_places(const char *dataset, bool (*fn)(void *ctx, const char *place), void *ctx);

#endif
