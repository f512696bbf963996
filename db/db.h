/* SPDX-License-Identifier: Apache-2.0
 *
 * db: the dataset store. The only folder that knows SQLite, and the header that others include.
 *
 * A dataset is a folder: mel.db, media/, exports/, runs/, models/. One Db is one connection, for
 * one thread. Writers wait for each other in turn on a lock file (SQLite's own waiting is unfair),
 * hold it over every write transaction and checkpoint, and commit with a full sync. Times are UTC
 * texts, spans microseconds; ids are made by the caller, so that a repeated save never doubles. */
#ifndef MEL_DB_H
#define MEL_DB_H

#include "db/adjudicate.h"
#include "db/annotation.h"
#include "db/annotation_walk.h"
#include "db/assignment.h"
#include "db/clip.h"
#include "db/duplicate.h"
#include "db/embedding.h"
#include "db/packet.h"
#include "db/pass.h"
#include "db/query.h"
#include "db/review.h"
#include "db/review_list.h"
#include "db/score.h"
#include "db/source.h"
#include "db/split.h"
#include "db/store.h"
#include "db/store_check.h"
#include "db/suggestion.h"
#include "db/vocabulary.h"
#include "db/worklist.h"

#endif
