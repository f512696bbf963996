/* SPDX-License-Identifier: Apache-2.0 */
#include "db/embedding.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct EmbeddingCache {
    sqlite3 *handle;
    sqlite3_stmt *get, *put;
    char *path;
};

enum { BUSY_MS = 60000 };

static const char sql_make[] = "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = NORMAL;"
                               "CREATE TABLE IF NOT EXISTS embedding ("
                               "    model TEXT NOT NULL,"
                               "    side TEXT NOT NULL,"
                               "    content_sha256 TEXT NOT NULL,"
                               "    row BLOB NOT NULL,"
                               "    PRIMARY KEY (model, side, content_sha256)"
                               ") STRICT;";

static const char sql_get[] = "SELECT row FROM embedding"
                              " WHERE model = ?1 AND side = ?2 AND content_sha256 = ?3";

static const char sql_put[] = "INSERT OR REPLACE INTO embedding"
                              " (model, side, content_sha256, row)"
                              " VALUES (?1, ?2, ?3, ?4)";

static bool fail(EmbeddingCache *cache, Err *err)
{
    mel_err(err, ERR_DB, "'%s': %s", cache->path, sqlite3_errmsg(cache->handle));
    return mel_err_hint(err, "when it is damaged, delete it: embeddings are computed again");
}

static bool prepare(EmbeddingCache *cache, const char *sql, sqlite3_stmt **out, Err *err)
{
    int rc = sqlite3_prepare_v3(cache->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return rc == SQLITE_OK || fail(cache, err);
}

static bool open_at(EmbeddingCache *cache, Err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(cache->path, &cache->handle, flags, NULL) != SQLITE_OK)
        return fail(cache, err);
    sqlite3_busy_timeout(cache->handle, BUSY_MS);
    if (sqlite3_exec(cache->handle, sql_make, NULL, NULL, NULL) != SQLITE_OK)
        return fail(cache, err);
    return prepare(cache, sql_get, &cache->get, err) && prepare(cache, sql_put, &cache->put, err);
}

bool mel_embeddings_open(const char *dataset, EmbeddingCache **out, Err *err)
{
    char *folder = mel_path_join(dataset, "cache");
    EmbeddingCache *cache = mel_alloc(sizeof *cache);
    cache->path = mel_path_join(folder, "embeddings.db");
    bool ok = mel_make_dirs(folder, err) && open_at(cache, err);
    free(folder);
    if (ok)
        *out = cache;
    else
        mel_embeddings_close(cache);
    return ok;
}

void mel_embeddings_close(EmbeddingCache *cache)
{
    if (!cache) return;
    sqlite3_finalize(cache->get);
    sqlite3_finalize(cache->put);
    sqlite3_close(cache->handle);
    free(cache->path);
    free(cache);
}

static void bind_key(sqlite3_stmt *statement, const char *model, const char *side,
                     const char *content)
{
    sqlite3_bind_text(statement, 1, model, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 2, side, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 3, content, -1, SQLITE_TRANSIENT);
}

/* A row of that width whose numbers are numbers. */
static bool copy_row(sqlite3_stmt *statement, float *row, int64_t width)
{
    const void *bytes = sqlite3_column_blob(statement, 0);
    size_t size = (size_t)width * sizeof *row;
    if (!bytes || (size_t)sqlite3_column_bytes(statement, 0) != size) return false;
    float *copy = mel_alloc(size);
    memcpy(copy, bytes, size);
    bool finite = true;
    for (int64_t i = 0; i < width; i++)
        finite = finite && isfinite(copy[i]);
    if (finite) memcpy(row, copy, size);
    free(copy);
    return finite;
}

bool mel_embedding_get(EmbeddingCache *cache, const char *model, const char *side,
                       const char *content_sha256, float *row, int64_t width, bool *found, Err *err)
{
    bind_key(cache->get, model, side, content_sha256);
    int rc = sqlite3_step(cache->get);
    *found = rc == SQLITE_ROW && copy_row(cache->get, row, width);
    bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || fail(cache, err);
    sqlite3_reset(cache->get);
    return ok;
}

bool mel_embedding_put(EmbeddingCache *cache, const char *model, const char *side,
                       const char *content_sha256, const float *row, int64_t width, Err *err)
{
    bind_key(cache->put, model, side, content_sha256);
    sqlite3_bind_blob64(cache->put, 4, row, (sqlite3_uint64)width * sizeof *row, SQLITE_TRANSIENT);
    bool ok = sqlite3_step(cache->put) == SQLITE_DONE || fail(cache, err);
    sqlite3_reset(cache->put);
    return ok;
}
