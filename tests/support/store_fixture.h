/* SPDX-License-Identifier: Apache-2.0
 *
 * A dataset for tests: made empty in a folder of its own, and filled by short calls. Like every
 * fixture it fails the test when a step fails. */
#ifndef MEL_TESTS_STORE_FIXTURE_H
#define MEL_TESTS_STORE_FIXTURE_H

#include "db/db.h"
#include "tests/support/test.h"

typedef struct Store {
    char *folder;
    Db *db;
} Store;

Store store_new(void); /* opened for writing */
void store_remove(Store *store);
void store_reopen(Store *store, DbMode mode);
void store_close(Store *store); /* before a fork: an open store must not cross one */

/* cmocka set-up and tear-down: *state is a Store. */
int store_setup(void **state);
int store_teardown(void **state);

/* Ids are kept until the process ends. */
const char *store_source(Db *db, const char *id);
const char *store_clip(Db *db, const char *source_id, int start_s); /* makes the source too */

/* Products of a ready clip: sound, a preview, `stills` stills, every measure; their hashes and
 * numbers follow from the clip's id. `loudness` is its loudness_lufs. */
void store_ready(Db *db, const char *clip_id, int stills, double loudness);
const char *store_ready_clip(Db *db, const char *source_id, int start_s, double loudness);

/* The same without the checks of a test, for programs that may be killed meanwhile. */
MEL_MUST_CHECK bool store_try_ready(Db *db, const char *clip_id, int stills, double loudness,
                                    Err *err);

void store_person(Db *db, const char *id);

/* A submitted answer; text NULL gives one from the genre. Returns its revision. */
int64_t store_say(Db *db, const char *clip_id, const char *person, const char *genre,
                  const char *text);

/* Rows of a public view that meet `where` (NULL = all). */
int64_t store_count(Db *db, const char *view, const char *where);

/* One field of the one row of a view that meets `where`; "" for NULL, fails when there is none. */
const char *store_field(Db *db, const char *view, const char *where, const char *field);

/* Behind Melkit's back, by a plain SQLite connection without foreign keys. */
void store_raw(const Store *store, const char *sql);
int64_t store_raw_i64(const Store *store, const char *sql);

/* Findings of mel_store_check with this word (NULL = any). */
int store_findings(Db *db, const char *word);

/* Everything that the public views show but ids and times: equal texts, equal datasets. Yours. */
char *store_dump(Db *db, Err *err);

#endif
