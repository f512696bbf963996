/* SPDX-License-Identifier: Apache-2.0
 *
 * mel doctor: what is there, what is missing, and what to do about it. Fails only when something
 * is missing without which nothing works; all else is advice. */
#include "cli/reading.h"
#include "curator/curator.h"
#include "engine/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

typedef enum Verdict { VERDICT_OK, VERDICT_WARN, VERDICT_MISSING } Verdict;
static const char *const verdict_names[] = {"ok", "warn", "missing"};

typedef struct Doctor {
    const Cli *cli;
    bool failed; /* something required is missing */
} Doctor;

enum {
    YTDLP_OLD_DAYS = 90,
    DISK_LOW_MIB = 5 * 1024,
    PROGRAM_DEADLINE_US = 10 * 1000000,
};

static void report(Doctor *doctor, const char *component, const char *state, Verdict verdict,
                   bool required, const char *advice)
{
    if (verdict == VERDICT_MISSING && required) doctor->failed = true;
    char *clean = cli_clean(state);
    if (doctor->cli->json) {
        json_t *object = json_object();
        mel_json_set_text(object, "component", component);
        mel_json_set_text(object, "state", clean);
        mel_json_set_text(object, "verdict", verdict_names[verdict]);
        json_object_set_new(object, "required", json_boolean(required));
        mel_json_set_text(object, "advice", advice);
        cli_json_line(object);
    } else {
        printf("%-8s %-15s %s\n", verdict_names[verdict], component, clean);
        if (advice && (verdict != VERDICT_OK || doctor->cli->verbose)) {
            Str text = {0};
            cli_add_wrapped(&text, advice, 25, cli_wrap_width());
            fputs(mel_str_text(&text), stdout);
            mel_str_clear(&text);
        }
    }
    free(clean);
}

static void reportf(Doctor *doctor, const char *component, Verdict verdict, bool required,
                    const char *advice, const char *format, ...) MEL_PRINTF(6, 7);
static void reportf(Doctor *doctor, const char *component, Verdict verdict, bool required,
                    const char *advice, const char *format, ...)
{
    va_list args;
    char *state = NULL;
    va_start(args, format);
    int n = vasprintf(&state, format, args);
    va_end(args);
    if (n < 0) return;
    report(doctor, component, state, verdict, required, advice);
    free(state);
}

/* ---- libraries and programs ------------------------------------------------------------------ */

static void check_libraries(Doctor *doctor)
{
    ToolVersion versions[TOOL_VERSIONS_MAX];
    size_t count = mel_tool_versions(versions);
    reportf(doctor, "melkit", VERDICT_OK, true, NULL, "%s, store schema %d", MEL_VERSION,
            mel_db_schema_version());
    for (size_t i = 0; i < count; i++)
        reportf(doctor, versions[i].name, VERDICT_OK, true, NULL, "%s (%s)", versions[i].version,
                versions[i].use);
    const char *tls = mel_tls_version();
    report(doctor, "tls", tls ? tls : "libcurl was built without TLS",
           tls ? VERDICT_OK : VERDICT_MISSING, true,
           tls ? NULL : "install a libcurl with TLS: sites are fetched over https only");
}

/* The first line that a program prints for an option; NULL when it is not there or fails. */
static char *first_line(const char *program, const char *option)
{
    Err ignored = {0};
    ProcessResult result = {0};
    const char *const argv[] = {program, option, NULL};
    const ProcessOptions options = {.deadline_us = PROGRAM_DEADLINE_US};
    char *line = NULL;
    if (mel_process_run(argv, &options, &result, &ignored) && result.exit_code == 0 && result.out)
        line = mel_strndup(result.out, strcspn(result.out, "\r\n"));
    mel_process_clear(&result);
    return line;
}

/* Whole days since a version that is a date, as yt-dlp's are: "2026.03.17" with perhaps more
 * behind; NAN for anything else. */
static double age_in_days(const char *version)
{
    int year, month, day;
    char text[UTC_SIZE];
    int64_t made_us;
    if (sscanf(version, "%4d.%2d.%2d", &year, &month, &day) != 3) return NAN;
    snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", year, month, day);
    if (!mel_utc_parse(text, &made_us)) return NAN;
    return floor((double)(mel_wall_us() - made_us) / 86400e6);
}

static void check_ytdlp(Doctor *doctor)
{
    Err err = {0};
    char *version = mel_ytdlp_version(NULL, &err);
    if (!version) {
        report(doctor, "yt-dlp", err.message, VERDICT_MISSING, false,
               "install yt-dlp to fetch from video pages; direct links and files work without it");
        return;
    }
    double age = age_in_days(version);
    if (!isfinite(age))
        reportf(doctor, "yt-dlp", VERDICT_WARN, false,
                "its version is not a date: look whether it is current", "%s", version);
    else
        reportf(doctor, "yt-dlp", age > YTDLP_OLD_DAYS ? VERDICT_WARN : VERDICT_OK, false,
                age > YTDLP_OLD_DAYS ? "update it: sites change every few weeks and old versions "
                                       "fail with messages that mislead"
                                     : NULL,
                "%s, %.0f day%s old", version, age, age == 1 ? "" : "s");
    free(version);
}

static void check_js_runtime(Doctor *doctor)
{
    static const char *const runtimes[] = {"deno", "node", "bun", "qjs"};
    for (size_t i = 0; i < MEL_COUNT(runtimes); i++) {
        char *line = first_line(runtimes[i], "--version");
        if (!line) continue;
        bool named = mel_starts_with(line, runtimes[i]);
        reportf(doctor, "js runtime", VERDICT_OK, false, NULL, "%s%s%s", named ? "" : runtimes[i],
                named ? "" : " ", line);
        free(line);
        return;
    }
    report(doctor, "js runtime", "none of deno, node, bun and qjs is there", VERDICT_WARN, false,
           "install deno or node: yt-dlp needs one for YouTube");
}

static void check_ffmpeg(Doctor *doctor)
{
    char *line = first_line("ffmpeg", "-version");
    if (line) line[strcspn(line, "\t")] = '\0';
    char *copyright = line ? strstr(line, " Copyright") : NULL;
    if (copyright) *copyright = '\0';
    report(doctor, "ffmpeg", line ? line : "not there; not needed (the libraries are linked)",
           VERDICT_OK, false, line ? "only for your own use: Melkit does not run it" : NULL);
    free(line);
}

/* ---- this machine ---------------------------------------------------------------------------- */

static void check_sandbox(Doctor *doctor, const Jail *jail, const Err *err)
{
    if (!jail) {
        report(doctor, "sandbox", err->message, VERDICT_MISSING, true,
               "media from elsewhere is decoded in a confined process, which must start");
        return;
    }
    const char *layers = mel_jail_layers(jail);
    bool whole = strstr(layers, "seccomp") && strstr(layers, "landlock");
    report(doctor, "sandbox", layers, whole ? VERDICT_OK : VERDICT_WARN, true,
           whole ? NULL
                 : "a kernel with seccomp and Landlock (5.13 or newer) confines decoders fully; "
                   "here a hostile file meets fewer walls");
}

static void check_machine(Doctor *doctor)
{
    reportf(doctor, "cpu", VERDICT_OK, true, NULL, "%d core%s for this process", mel_cpu_count(),
            mel_cpu_count() == 1 ? "" : "s");
    Err err = {0};
    bool there = mel_device_use("cuda", &err);
    report(doctor, "gpu", there ? mel_device_text() : err.message, VERDICT_OK, false,
           there ? NULL : "curating and annotating need none");
}

/* ---- the dataset ----------------------------------------------------------------------------- */

static void check_disk(Doctor *doctor, const char *folder)
{
    struct statvfs disk;
    Str text = {0};
    if (statvfs(folder, &disk) != 0) {
        report(doctor, "disk", "its free space cannot be read", VERDICT_WARN, false, NULL);
        return;
    }
    double free_mib = (double)disk.f_bavail * (double)disk.f_frsize / 1048576;
    cli_add_size(&text, (int64_t)(free_mib * 1048576));
    mel_str_add(&text, " free for the dataset");
    bool low = free_mib < DISK_LOW_MIB;
    report(doctor, "disk", mel_str_text(&text), low ? VERDICT_WARN : VERDICT_OK, true,
           low ? "a thousand clips take about 1.5 GiB: make room before fetching" : NULL);
    mel_str_clear(&text);
}

static void check_pauses(Doctor *doctor, const char *folder)
{
    static const RateBucket buckets[] = {
        {"ytdlp", 5,  250 },
        {"http",  50, 7200}
    };
    RateLimiter *limiter = NULL;
    Err err = {0};
    char *path = mel_fetch_ratelimit_path(folder);
    if (!mel_path_exists(path)) goto out;
    if (!mel_ratelimit_open(path, buckets, 2, &limiter, &err)) {
        report(doctor, "rate limit", err.message, VERDICT_WARN, false, NULL);
        goto out;
    }
    for (int i = 0; i < 2; i++) {
        RateState state;
        char until[UTC_SIZE];
        if (!mel_ratelimit_state(limiter, buckets[i].name, &state, &err)) continue;
        mel_utc_format(state.paused_until_wall_us, until);
        if (state.paused_until_wall_us)
            reportf(doctor, "rate limit", VERDICT_WARN, false,
                    "the site asked for it; fetching goes on by itself after that",
                    "'%s' pauses until %.16s UTC: %s", buckets[i].name, until, state.why);
        else
            reportf(doctor, "rate limit", VERDICT_OK, false, NULL,
                    "'%s' has %.0f requests to spend", buckets[i].name, floor(state.tokens));
    }
    mel_ratelimit_close(limiter);
out:
    free(path);
}

static bool take_sqlite(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    snprintf(ctx, 32, "%s", row->cells[1].text ? row->cells[1].text : "?");
    return true;
}

/* Before 3.51.3 SQLite could spoil a WAL store when two connections checkpoint at once. */
static void check_sqlite(Doctor *doctor, Db *db)
{
    char version[32] = "?";
    int major = 0, minor = 0, patch = 0;
    Err err = {0};
    /* an aggregate has one row even when there is no clip */
    const ViewQuery query = {.view = "clips", .columns = "count(*), sqlite_version()", .also = "0"};
    if (!mel_query(db, &query, take_sqlite, version, &err) ||
        sscanf(version, "%d.%d.%d", &major, &minor, &patch) < 2) {
        report(doctor, "sqlite", err.message[0] ? err.message : version, VERDICT_WARN, true, NULL);
        return;
    }
    bool fixed = major > 3 || (major == 3 && (minor > 51 || (minor == 51 && patch >= 3)));
    report(doctor, "sqlite", version, VERDICT_OK, true,
           fixed
               ? NULL
               : "versions before 3.51.3 can spoil a store when two checkpoints overlap; Melkit's "
                 "writer lock keeps them apart, so let only Melkit write to mel.db");
}

static bool take_summary(void *ctx, const ViewRow *row, Err *err)
{
    (void)err;
    Str *text = ctx;
    static const char *const names[] = {" clips (", " new, ", " ready, ", " failed; "};
    for (int i = 0; i < 4; i++) {
        cli_add_count(text, row->cells[i].i64);
        mel_str_add(text, names[i]);
    }
    cli_add_count(text, row->cells[4].i64);
    mel_str_add(text, " of the failures may work later)");
    return true;
}

static void check_store(Doctor *doctor, Db *db)
{
    Err err = {0};
    Str text = {0};
    const ViewQuery query = {
        .view = "clips",
        .columns = "count(*), count(*) FILTER (WHERE state = 'new'),"
                   " count(*) FILTER (WHERE state = 'ready'),"
                   " count(*) FILTER (WHERE state = 'failed'),"
                   " count(*) FILTER (WHERE state = 'failed'"
                   "                    AND failure_class IN ('transient', 'pause'))"};
    bool ok = mel_query(db, &query, take_summary, &text, &err);
    report(doctor, "dataset", ok ? mel_str_text(&text) : err.message,
           ok ? VERDICT_OK : VERDICT_MISSING, true, ok ? NULL : "run mel verify");
    mel_str_clear(&text);
}

/* A store of our own making tells the SQLite version, and that one works here. */
static void check_trial_store(Doctor *doctor)
{
    Err err = {0};
    Db *db = NULL;
    const char *base = getenv("TMPDIR");
    char *folder = mel_asprintf("%s/mel-doctor-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(folder)) {
        mel_err_errno(&err, "cannot make '%s'", folder);
        report(doctor, "sqlite", err.message, VERDICT_WARN, true, NULL);
        free(folder);
        return;
    }
    char *dataset = mel_path_join(folder, "trial");
    if (mel_db_create(dataset, &err) && mel_db_open(dataset, DB_READ, &db, &err))
        check_sqlite(doctor, db);
    else
        report(doctor, "sqlite", err.message, VERDICT_MISSING, true, err.hint[0] ? err.hint : NULL);
    mel_db_close(db);
    Err ignored = {0};
    if (!mel_remove_tree(folder, &ignored)) mel_log_warn("%s", ignored.message);
    free(dataset);
    free(folder);
}

static void check_dataset(Doctor *doctor)
{
    Err err = {0};
    Db *db = NULL;
    char *folder = mel_db_find(doctor->cli->folder, &err);
    if (!folder) {
        check_trial_store(doctor);
        report(doctor, "dataset", "none here", VERDICT_OK, false, "'mel init DIR' makes one");
        return;
    }
    if (mel_db_open(folder, DB_READ, &db, &err)) {
        check_sqlite(doctor, db);
        check_store(doctor, db);
    } else {
        report(doctor, "dataset", err.message, VERDICT_MISSING, true,
               err.hint[0] ? err.hint : "run mel verify");
    }
    mel_db_close(db);
    check_disk(doctor, folder);
    check_pauses(doctor, folder);
    free(folder);
}

static int doctor_run(Cli *cli, const void *options, Err *err)
{
    (void)options;
    (void)err;
    Doctor doctor = {.cli = cli};
    Jail *jail = NULL;
    Err jail_err = {0};
    /* before anything else: the confined process is forked from a clean one */
    if (!mel_jail_start(&(JailLimits){0}, &jail, &jail_err)) jail = NULL;
    check_libraries(&doctor);
    check_ytdlp(&doctor);
    check_js_runtime(&doctor);
    check_ffmpeg(&doctor);
    check_sandbox(&doctor, jail, &jail_err);
    mel_jail_stop(jail);
    check_machine(&doctor);
    check_dataset(&doctor);
    return doctor.failed ? EXIT_FAILED : EXIT_DONE;
}

typedef struct DoctorOptions {
    char none;
} DoctorOptions;

static const CliOption doctor_options[] = {CLI_END};

const CliCommand cmd_doctor = {
    .name = "doctor",
    .summary = "which tools, libraries and devices are there, and what to do about the rest",
    .usage = "doctor",
    .details =
        "Each line: a verdict (ok, warn, missing), the component, its version or state, and\n"
        "advice. Exit code 1 when something required is missing. -v: all advice.",
    .options = doctor_options,
    .size = sizeof(DoctorOptions),
    .max_args = 0,
    .run = doctor_run,
};
