/* SPDX-License-Identifier: Apache-2.0
 *
 * base: what every other folder stands on. One header a topic; this one includes them all, and is
 * the only one that other folders include. Depends on libc, OpenSSL's SHA-256, jansson and
 * libsndfile. */
#ifndef MEL_BASE_H
#define MEL_BASE_H

#include "base/clock.h"
#include "base/csv.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/ident.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/sound_file.h"
#include "base/str.h"
#include "base/threads.h"
#include "base/translate.h"

#endif
