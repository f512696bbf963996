/* SPDX-License-Identifier: Apache-2.0
 *
 * annotator: what helps a musician to say what is heard. The part here needs no display: lint, the
 * live reading of an answer, and the spelling behind it. */
#ifndef MEL_ANNOTATOR_H
#define MEL_ANNOTATOR_H

#include "annotator/lint/lint.h"
#include "annotator/lint/spelling.h"

#endif
