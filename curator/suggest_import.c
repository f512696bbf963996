/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/suggest_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = 1 << 16 };

static const char *const keys[] = {"clip", "field", "value", "origin"};

static bool check_keys(json_t *object, Err *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) return mel_err(err, ERR_FORMAT, "the line is no JSON object");
    json_object_foreach(object, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < MEL_COUNT(keys); i++)
            known = known || mel_equal(key, keys[i]);
        if (!known) return mel_err(err, ERR_FORMAT, "'%.40s' is not a key of a suggestion", key);
        if (!mel_equal(key, "value") && !json_is_string(value))
            return mel_err(err, ERR_FORMAT, "'%s' is no text", key);
    }
    for (size_t i = 0; i < MEL_COUNT(keys); i++)
        if (!json_object_get(object, keys[i]))
            return mel_err(err, ERR_FORMAT, "'%s' is missing", keys[i]);
    return true;
}

static bool put_line(SuggestRun *run, const char *text, size_t n, Err *err)
{
    if (n > LINE_BYTES_MAX)
        return mel_err(err, ERR_LIMIT, "the line is longer than %d bytes", LINE_BYTES_MAX);
    json_t *object = mel_json_parse(text, n, "the line", err);
    bool ok =
        object && check_keys(object, err) &&
        mel_suggest_put(run, mel_json_text(object, "clip", ""), mel_json_text(object, "field", ""),
                        json_incref(json_object_get(object, "value")),
                        mel_json_text(object, "origin", ""), err);
    json_decref(object);
    return ok;
}

static bool put_lines(SuggestRun *run, FILE *file, const char *path, Err *err)
{
    bool ok = true;
    char *text = NULL;
    size_t capacity = 0;
    ssize_t n;
    for (int64_t line = 1; ok && (n = getline(&text, &capacity, file)) >= 0; line++) {
        if (strspn(text, " \t\r\n") == (size_t)n) continue;
        run->report.items++;
        ok = mel_suggest_step(run, err) &&
             (put_line(run, text, (size_t)n, err) || mel_suggest_skip(run, path, line, err));
        mel_progress(run->options->progress, &(ProgressTick){.what = run->what,
                                                             .done = run->report.items,
                                                             .failed = run->report.failed});
    }
    free(text);
    if (ok && ferror(file)) return mel_err_errno(err, "cannot read '%s'", path);
    return ok;
}

bool mel_suggest_import(Db *db, const char *path, const SuggestOptions *options,
                        SuggestReport *report, Err *err)
{
    SuggestRun run = {.db = db, .options = options, .what = "suggest import"};
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT) return mel_err(err, ERR_NOT_FOUND, "there is no '%s'", path);
    if (!file) return mel_err_errno(err, "cannot open '%s'", path);
    bool ok = mel_suggest_close(&run, put_lines(&run, file, path, err), err);
    fclose(file);
    *report = run.report;
    return ok;
}
