/* SPDX-License-Identifier: Apache-2.0
 *
 * Models of the published architectures, but small and with random weights: folders as the hub has
 * them, for tests and for the demo of a machine that has no model. What they answer means nothing;
 * that it is the same at every run does. */
#ifndef MEL_TESTS_SMALL_MODELS_H
#define MEL_TESTS_SMALL_MODELS_H

#include "base/base.h"

/* Below `folder`: clip/, clap/, sound/ (a sound tower for that CLIP) and, for evaluation, cnn14/
 * and vggish/. `tokenizers` is tests/data/tokenizers. */
MEL_MUST_CHECK bool small_models_write(const char *folder, const char *tokenizers, Err *err);

#endif
