/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/crash_world.h"

#include "tests/support/store_fixture.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINGER_US_MAX = 5000000 };

static bool run_to_end(const char *const *argv, ProcessResult *result, Err *err)
{
    if (!mel_process_run(argv, NULL, result, err)) return false;
    if (result->exit_code == 0) return true;
    const char *tail = result->out_length ? result->out : result->err_tail;
    return mel_err(err, ERR_IO, "'%s' ended with %d: %s", argv[0], result->exit_code,
                   tail ? tail : "");
}

bool world_make(const char *bin, const char *folder, Err *err)
{
    ProcessResult result = {0};
    char *program = mel_path_join(bin, "mel-world"), *made = mel_path_join(folder, "made");
    char *first = mel_path_join(folder, "00");
    const char *const argv[] = {program,  made,     "--sources", "4", "--seconds", "12",
                                "--size", "160x90", "--jobs",    "2", NULL};
    static const char *const parts[] = {"media", "list.csv", "annotations.jsonl"};
    bool ok = run_to_end(argv, &result, err) && mel_make_dirs(first, err);
    for (size_t i = 0; ok && i < MEL_COUNT(parts); i++) {
        char *from = mel_path_join(made, parts[i]), *to = mel_path_join(folder, parts[i]);
        if (rename(from, to) != 0) ok = mel_err_errno(err, "cannot move '%s'", from);
        free(from);
        free(to);
    }
    mel_process_clear(&result);
    free(program);
    free(first);
    free(made);
    return ok;
}

bool world_copy(const char *from, const char *to, Err *err)
{
    ProcessResult result = {0};
    char *above = mel_path_dir(to);
    const char *const argv[] = {"cp", "-a", from, to, NULL};
    bool ok = mel_remove_tree(to, err) && mel_make_dirs(above, err);
    if (ok && mel_path_exists(from)) ok = run_to_end(argv, &result, err);
    mel_process_clear(&result);
    free(above);
    return ok;
}

/* ---- running
 * ---------------------------------------------------------------------------------------------- */

static bool take_source(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    *(char **)ctx = mel_strdup(mel_row_text(row, "source", ""));
    return false;
}

static char *first_source(const char *dataset, Err *err)
{
    Db *db = NULL;
    char *source = NULL;
    const ViewQuery query = {.view = "clips", .columns = "source", .order = "id", .limit = 1};
    if (!mel_db_open(dataset, DB_READ, &db, err)) return NULL;
    if (!mel_query(db, &query, take_source, &source, err)) source = NULL;
    if (!source && !mel_err_is_set(err)) mel_err(err, ERR_NOT_FOUND, "there is no source");
    mel_db_close(db);
    return source;
}

static char *fill_in(const char *arg, const char *world, const char *dataset, Err *err)
{
    if (mel_starts_with(arg, "@W")) return mel_asprintf("%s%s", world, arg + 2);
    if (mel_starts_with(arg, "@D")) return mel_asprintf("%s%s", dataset, arg + 2);
    if (mel_equal(arg, "@S")) return first_source(dataset, err);
    return mel_strdup(arg);
}

/* The child's side: its own process group, nothing read, reports to a file. */
static _Noreturn void become(char *const *argv, const char *reports)
{
    setpgid(0, 0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int out = open(reports, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    dup2(null, 0);
    dup2(out, 1);
    dup2(null, 2);
    execv(argv[0], argv);
    _exit(127);
}

/* Helpers of a killed program must go with it: they would work on beside the next run. */
static bool wait_for_helpers(pid_t group, Err *err)
{
    int64_t begin_us = mel_monotonic_us();
    while (kill(-group, 0) == 0) {
        if (mel_monotonic_us() - begin_us > LINGER_US_MAX) {
            kill(-group, SIGKILL);
            return mel_err(err, ERR_LIMIT, "a helper process outlives the killed program");
        }
        mel_sleep_us(1000);
    }
    return true;
}

static bool start_and_wait(char *const *argv, const char *reports, int64_t after_us, CrashEnd *end,
                           Err *err)
{
    fflush(NULL);
    unlink(reports); /* a child killed at once leaves none */
    pid_t pid = fork();
    if (pid < 0) return mel_err_errno(err, "cannot start a child");
    if (pid == 0) become(argv, reports);
    setpgid(pid, pid);
    return crash_wait(pid, after_us ? after_us : 120 * (int64_t)1000000, end, err) &&
           wait_for_helpers(pid, err);
}

bool world_run(const char *bin, const char *world, const char *dataset, const char *const *args,
               int64_t after_us, CrashEnd *end, Err *err)
{
    enum { ARGS_MAX = 20 };
    char *argv[ARGS_MAX] = {0}, *reports = mel_path_join(world, "reports");
    int argc = 0;
    bool ok = true, is_init = mel_equal(args[0], "init");
    argv[argc++] = mel_path_join(bin, "mel");
    argv[argc++] = mel_strdup("--json");
    if (!is_init) {
        argv[argc++] = mel_strdup("-C");
        argv[argc++] = mel_strdup(dataset);
    }
    for (int i = 0; ok && args[i]; i++) {
        argv[argc] = fill_in(args[i], world, dataset, err);
        ok = argv[argc] != NULL;
        argc += ok;
    }
    ok = ok && start_and_wait(argv, reports, after_us, end, err);
    if (ok && end->killed && !after_us)
        ok = mel_err(err, ERR_LIMIT, "the command was not done after two minutes");
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    free(reports);
    return ok;
}

static bool verify(const char *bin, const char *dataset, const char *option, Err *err)
{
    ProcessResult result = {0};
    char *program = mel_path_join(bin, "mel");
    const char *const argv[] = {program, "--json", "-C", dataset, "verify", option, NULL};
    bool ok = run_to_end(argv, &result, err);
    mel_process_clear(&result);
    free(program);
    return ok;
}

bool world_verify(const char *bin, const char *dataset, Err *err)
{
    return verify(bin, dataset, NULL, err) || mel_err_wrap(err, "mel verify");
}

bool world_repair(const char *bin, const char *dataset, Err *err)
{
    return verify(bin, dataset, "--repair", err) || mel_err_wrap(err, "mel verify --repair");
}

/* ---- damaging and looking
 * ------------------------------------------------------------------------------------ */

typedef struct Search {
    const char *name;
    char *found;
} Search;

static bool look_for(void *ctx, const char *relative, Err *err)
{
    (void)err;
    Search *search = ctx;
    if (!search->found && mel_equal(mel_path_base(relative), search->name))
        search->found = mel_strdup(relative);
    return true;
}

bool world_damage(const char *dataset, const char *name, Err *err)
{
    Search search = {.name = name};
    char *media = mel_path_join(dataset, "media"), *path = NULL;
    bool ok = mel_walk(media, look_for, &search, err);
    if (ok && !search.found) ok = mel_err(err, ERR_NOT_FOUND, "there is no '%s'", name);
    if (ok) path = mel_path_join(media, search.found);
    if (ok && truncate(path, 100) != 0) ok = mel_err_errno(err, "cannot cut '%s'", path);
    free(search.found);
    free(media);
    free(path);
    return ok;
}

/* What one report line promises, as a condition on a view with the line's values as ?1 and ?2. */
static bool check_report(Db *db, const json_t *line, Err *err)
{
    const char *event = mel_json_text(line, "event", ""), *clip = mel_json_text(line, "clip", "");
    int64_t found = 1;
    ViewQuery query = {
        .view = "clips",
        .columns = "count(*)",
        .also = "id = ?1 AND state = ?2",
        .args = {clip, event},
        .arg_count = 2
    };
    if (mel_equal(event, "annotated")) {
        query.view = "annotations";
        query.columns = "max(rev)";
        query.also = "clip = ?1 AND annotator = ?2";
        query.args[1] = mel_json_text(line, "annotator", "");
        found = mel_json_i64(line, "rev", 1);
    } else if (!mel_equal(event, "ready") && !mel_equal(event, "failed")) {
        return true;
    }
    int64_t there;
    if (!mel_query_i64(db, &query, &there, err)) return false;
    if (there >= found) return true;
    return mel_err(err, ERR_DB, "'%s' of clip '%s' was reported and is lost", event, clip);
}

bool world_check_reports(const char *world, const char *dataset, int64_t *count_out, Err *err)
{
    char *reports = mel_path_join(world, "reports"), *text = NULL;
    Db *db = NULL;
    int64_t count = 0;
    bool ok = true;
    if (!mel_path_exists(reports)) goto out;
    ok = mel_read_file(reports, 16 << 20, &text, NULL, err) &&
         mel_db_open(dataset, DB_READ, &db, err);
    /* the last line may be cut short */
    for (char *p = text, *end; ok && (end = strchr(p, '\n')) != NULL; p = end + 1) {
        json_t *line = mel_json_parse(p, (size_t)(end - p), "a report", err);
        ok = line && check_report(db, line, err);
        json_decref(line);
        count++;
    }
out:
    mel_db_close(db);
    free(reports);
    free(text);
    if (ok) *count_out += count;
    return ok;
}

typedef struct Hashes {
    const char *folder;
    Str *text;
} Hashes;

/* The staging folder of a killed export stays beside the finished ones: it might be another run's.
 */
static bool add_hash(void *ctx, const char *relative, Err *err)
{
    Hashes *hashes = ctx;
    if (strstr(relative, ".tmp/") || strstr(relative, ".tmp.old/")) return true;
    char hex[SHA256_HEX_SIZE], *path = mel_path_join(hashes->folder, relative);
    bool ok = mel_sha256_file(path, hex, NULL, err);
    if (ok) mel_str_addf(hashes->text, "file %s %s\n", relative, hex);
    free(path);
    return ok;
}

static bool add_files(const char *dataset, const char *below, Str *text, Err *err)
{
    char *folder = mel_path_join(dataset, below);
    Hashes hashes = {.folder = folder, .text = text};
    bool ok = mel_walk(folder, add_hash, &hashes, err);
    free(folder);
    return ok;
}

static void blank_attempts(char *dump)
{
    static const char key[] = "\"attempts\":";
    for (char *p = dump; (p = strstr(p, key)) != NULL; p++)
        for (char *digit = p + sizeof key - 1; isdigit((unsigned char)*digit); digit++)
            *digit = '-';
}

static bool add_views(const char *dataset, bool forget_attempts, Str *text, Err *err)
{
    Db *db = NULL;
    if (!mel_db_open(dataset, DB_READ, &db, err)) return false;
    char *dump = store_dump(db, err);
    mel_db_close(db);
    if (!dump) return false;
    if (forget_attempts) blank_attempts(dump);
    mel_str_add(text, dump);
    free(dump);
    return true;
}

char *world_state(const char *dataset, bool forget_attempts, Err *err)
{
    Str text = {0};
    bool ok = add_views(dataset, forget_attempts, &text, err) &&
              add_files(dataset, "media", &text, err) && add_files(dataset, "exports", &text, err);
    char *state = mel_str_take(&text);
    if (ok) return state ? state : mel_strdup("");
    free(state);
    return NULL;
}
