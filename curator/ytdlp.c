/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/ytdlp.h"

#include "curator/failure.h"

#include <stdlib.h>
#include <string.h>

enum { URL_BYTES_MAX = 4096, STDOUT_BYTES_MAX = 32 << 20, LINE_SHOWN_MAX = 240 };
static const int64_t second_us = 1000000;

/* Direct addresses only (whole files that can be asked for in ranges): picture that is cheap to
 * decode, sound as the site has it; else both in one file. */
#define DIRECT "[protocol~='^https?$']"
#define PICTURE "bv[vcodec^=avc1][height<=720]" DIRECT
static const char format_choice[] =
    PICTURE "+ba[acodec^=opus]" DIRECT "/" PICTURE "+ba[acodec^=mp4a]" DIRECT "/"
            "bv[height<=1080]" DIRECT "+ba" DIRECT "/"
            "b[height<=1080]" DIRECT "/b" DIRECT;

static const char *program_of(const YtdlpOptions *options)
{
    return options && options->program ? options->program : "yt-dlp";
}

static bool fail_missing(const char *program, Err *err)
{
    mel_err_reason(err, ERR_NOT_FOUND, "yt.missing", "the program '%s' is not installed", program);
    return mel_err_hint(err, "install yt-dlp (https://github.com/yt-dlp/yt-dlp), or import direct "
                             "media links and local files only");
}

/* yt-dlp takes more than addresses ("ytsearch:…", file names): only addresses go through. */
static char *page_address(const char *url, Err *err)
{
    size_t n = strlen(url);
    if (n == 11 && mel_name_valid(url))
        return mel_asprintf("https://www.youtube.com/watch?v=%s", url);
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
        mel_err_reason(err, ERR_DENIED, "http.scheme", "'%.80s' is neither http nor https", url);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)url[i] > ' ' && url[i] != 0x7f && n <= URL_BYTES_MAX) continue;
        mel_err_reason(err, ERR_FORMAT, "http.url", "'%.80s' is not an address", url);
        return NULL;
    }
    return mel_strdup(url);
}

/* The tool's last ERROR line without its request for a bug report; yours to free. */
static char *last_error(const char *text)
{
    const char *best = "", *line = text;
    while (line && *line) {
        size_t n = strcspn(line, "\n");
        const char *mark = memmem(line, n, "ERROR:", 6);
        if (mark) best = mark + 6 + strspn(mark + 6, " ");
        line += n + (line[n] == '\n');
    }
    size_t n = strcspn(best, "\n");
    const char *plea = memmem(best, n, "; please report", 15);
    if (plea) n = (size_t)(plea - best);
    if (n > LINE_SHOWN_MAX) n = LINE_SHOWN_MAX;
    char *shown = mel_strndup(best, n);
    for (char *p = shown; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f) *p = ' ';
    while (n && !mel_utf8_valid(shown, n))
        shown[--n] = '\0';
    return shown;
}

static ErrCode code_of(const char *reason)
{
    FailureClass class = mel_failure(reason)->class;
    if (class == FAIL_PAUSE) return ERR_LIMIT;
    return class == FAIL_CONFIGURATION ? ERR_USAGE : ERR_NET;
}

/* It ran and said no. */
static bool fail_said(const ProcessResult *result, const char *program, Err *err)
{
    const char *text = result->err_tail ? result->err_tail : "";
    const char *reason = mel_ytdlp_classify(text, result->exit_code);
    char *line = last_error(text);
    if (*line)
        mel_err_reason(err, code_of(reason), reason, "%s: %s", program, line);
    else if (result->signal)
        mel_err_reason(err, ERR_NET, reason, "%s was ended by signal %d", program, result->signal);
    else
        mel_err_reason(err, code_of(reason), reason, "%s failed with code %d and said nothing",
                       program, result->exit_code);
    free(line);
    return mel_err_hint(err, "%s", mel_failure(reason)->advice);
}

/* It did not come to its own end. */
static bool fail_run(const ProcessResult *result, const Err *problem, const char *program, Err *err)
{
    if (problem->code == ERR_NOT_FOUND) return fail_missing(program, err);
    const char *reason = problem->reason;
    if (problem->code == ERR_LIMIT)
        reason = result->out_length > STDOUT_BYTES_MAX ? "yt.output" : "yt.timeout";
    if (problem->code == ERR_CANCELLED) reason = "interrupted";
    if (problem->code == ERR_IO) reason = mel_failure_reason(problem);
    return mel_err_reason(err, problem->code, reason, "%s", problem->message);
}

static bool run(const char *const *argv, const YtdlpOptions *options, int64_t deadline_us,
                ProcessResult *result, Err *err)
{
    static const char *const environment[] = {"PYTHONIOENCODING=utf-8", "LC_ALL=C.UTF-8", NULL};
    ProcessOptions limits = {.deadline_us = options && options->deadline_us ? options->deadline_us
                                                                            : deadline_us,
                             .stdout_limit = STDOUT_BYTES_MAX,
                             .extra_env = environment};
    Err problem = {0};
    if (!mel_process_run(argv, &limits, result, &problem))
        return fail_run(result, &problem, argv[0], err);
    if (result->exit_code != 0) return fail_said(result, argv[0], err);
    return true;
}

bool mel_ytdlp_extract(const char *url, const YtdlpOptions *options, Extraction *out, Err *err)
{
    char *page = page_address(url, err);
    if (!page) return false;
    const char *argv[] = {program_of(options),
                          "--ignore-config",
                          "--no-playlist",
                          "--no-progress",
                          "--socket-timeout",
                          "20",
                          "--extractor-retries",
                          "2",
                          "--sleep-requests",
                          "0.75",
                          "-f",
                          format_choice,
                          "-J",
                          "--",
                          page,
                          NULL};
    ProcessResult result;
    bool ok = run(argv, options, 120 * second_us, &result, err) &&
              mel_ytdlp_parse(result.out, result.out_length, out, err);
    mel_process_clear(&result);
    free(page);
    return ok;
}

char *mel_ytdlp_version(const YtdlpOptions *options, Err *err)
{
    const char *argv[] = {program_of(options), "--version", NULL};
    ProcessResult result;
    char *version = NULL;
    if (run(argv, options, 30 * second_us, &result, err)) {
        char *text = mel_trim(result.out ? result.out : (char[]){""});
        if (*text && strlen(text) < 64 && !strpbrk(text, "\r\n"))
            version = mel_strdup(text);
        else
            mel_err_reason(err, ERR_FORMAT, "yt.output", "'%s' does not say its version", argv[0]);
    }
    mel_process_clear(&result);
    return version;
}
