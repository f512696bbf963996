/* SPDX-License-Identifier: Apache-2.0
 *
 * yt-dlp says what is wrong in words only (its exit code is 1 for everything), most of them the
 * site's own. This table turns them into reasons; the first row that fits counts. */
#include "curator/ytdlp.h"

#include <stdlib.h>
#include <string.h>

typedef struct MessageRow {
    const char *words;     /* in the text, whatever the case */
    const char *and_words; /* and this; NULL = no more */
    const char *reason;
} MessageRow;

/* Apostrophes are left out of the words: sites print ' and U+2019 alike. */
/* clang-format off */
static const MessageRow rows[] = {
    /* stop signs first: they come wrapped in other messages */
    {"not a bot", NULL, "yt.bot_check"},
    {"captcha", NULL, "yt.bot_check"},
    {"unusual traffic", NULL, "yt.bot_check"},
    {"rate-limit", NULL, "yt.rate_limited"},
    {"rate limit", NULL, "yt.rate_limited"},
    {"available, try again later", NULL, "yt.rate_limited"},
    {"HTTP Error 429", NULL, "yt.rate_limited"},
    {"Too Many Requests", NULL, "yt.rate_limited"},

    {"No space left on device", NULL, "local.disk_full"},
    {"JavaScript runtime", NULL, "yt.js_runtime"},
    {"JS runtime", NULL, "yt.js_runtime"},
    {"no such option", NULL, "yt.options"},
    {"Invalid format specification", NULL, "yt.options"},
    {"Incomplete YouTube ID", NULL, "list.bad_id"},
    {"looks truncated", NULL, "list.bad_id"},

    {"Private video", NULL, "yt.private"},
    {"video is private", NULL, "yt.private"},
    {"Private playlist", NULL, "yt.private"},
    {"confirm your age", NULL, "yt.age"},
    {"age-restricted", NULL, "yt.age"},
    {"age restricted", NULL, "yt.age"},
    {"inappropriate for some users", NULL, "yt.age"},
    {"Music Premium", NULL, "yt.premium"},
    {"Premium members", NULL, "yt.premium"},
    {"requires payment", NULL, "yt.premium"},
    {"requires purchase", NULL, "yt.premium"},
    {"rent this video", NULL, "yt.premium"},
    {"members-only", NULL, "yt.members"},
    {"members only", NULL, "yt.members"},
    {"Join this channel", NULL, "yt.members"},
    {"channel", "s members", "yt.members"},
    {"in your country", NULL, "yt.geo"},
    {"from your location", NULL, "yt.geo"},
    {"geo restrict", NULL, "yt.geo"},
    {"geo-restrict", NULL, "yt.geo"},
    {"in your region", NULL, "yt.geo"},
    {"DRM", NULL, "yt.drm"},

    {"Premieres in", NULL, "yt.upcoming"},
    {"Premiere will begin", NULL, "yt.upcoming"},
    {"live event will begin", NULL, "yt.upcoming"},
    {"not yet started", NULL, "yt.upcoming"},
    {"not currently live", NULL, "yt.live"},
    {"live event has ended", NULL, "yt.live"},
    {"is still being processed", NULL, "yt.live"},
    {"processing this video", NULL, "yt.live"},

    {"closed their YouTube account", NULL, "yt.terminated"},
    {"account", "terminated", "yt.terminated"},
    {"account", "suspended", "yt.terminated"},
    {"copyright", NULL, "yt.copyright"},
    {"removed by the uploader", NULL, "yt.removed"},
    {"has been removed", NULL, "yt.removed"},
    {"was removed", NULL, "yt.removed"},
    {"been deleted", NULL, "yt.removed"},
    {"recording is not available", NULL, "yt.unavailable"},
    {"Video unavailable", NULL, "yt.unavailable"},
    {"video is unavailable", NULL, "yt.unavailable"},
    {"video is not available", NULL, "yt.unavailable"},
    {"video isn", "available", "yt.unavailable"},
    {"no longer available", NULL, "yt.unavailable"},
    {"does not exist", NULL, "yt.unavailable"},

    {"Requested format is not available", NULL, "yt.format"},
    {"Only images are available", NULL, "yt.format"},
    {"No video formats found", NULL, "yt.format"},
    {"Unsupported URL", NULL, "yt.unsupported"},
    {"is not a valid URL", NULL, "yt.unsupported"},
    {"No media found", NULL, "yt.unsupported"},
    {"No video could be found", NULL, "yt.unsupported"},

    {"HTTP Error 401", NULL, "http.401"},
    {"HTTP Error 403", NULL, "http.403"},
    {"HTTP Error 404", NULL, "http.404"},
    {"HTTP Error 410", NULL, "http.410"},
    {"HTTP Error 451", NULL, "http.451"},
    {"HTTP Error 5", NULL, "http.5xx"},
    {"HTTP Error 4", NULL, "http.4xx"},

    {"registered users", NULL, "yt.login"},
    {"login required", NULL, "yt.login"},
    {"log in", NULL, "yt.login"},
    {"logged in", NULL, "yt.login"},
    {"sign in", NULL, "yt.login"},
    {"authentication", NULL, "yt.login"},
    {"--cookies", NULL, "yt.login"},

    {"timed out", NULL, "yt.network"},
    {"timeout", NULL, "yt.network"},
    {"name resolution", NULL, "yt.network"},
    {"Name or service not known", NULL, "yt.network"},
    {"getaddrinfo", NULL, "yt.network"},
    {"No address associated", NULL, "yt.network"},
    {"Connection refused", NULL, "yt.network"},
    {"Connection reset", NULL, "yt.network"},
    {"Connection aborted", NULL, "yt.network"},
    {"Remote end closed", NULL, "yt.network"},
    {"Network is unreachable", NULL, "yt.network"},
    {"No route to host", NULL, "yt.network"},
    {"IncompleteRead", NULL, "yt.network"},
    {"CERTIFICATE_VERIFY_FAILED", NULL, "yt.network"},
    {"SSL", NULL, "yt.network"},

    /* the site changed and this yt-dlp does not know it yet */
    {"nsig extraction failed", NULL, "yt.outdated"},
    {"Signature extraction failed", NULL, "yt.outdated"},
    {"Unable to extract", NULL, "yt.outdated"},
    {"Failed to extract", NULL, "yt.outdated"},
    {"Failed to parse JSON", NULL, "yt.outdated"},
    {"player response", NULL, "yt.outdated"},
    {"report this issue", NULL, "yt.outdated"},
};
/* clang-format on */

/* The ERROR lines only: a warning on the way must not decide. All of it when there is none. */
static char *error_lines(const char *text)
{
    Str lines = {0};
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        char *copy = mel_strndup(line, n);
        if (strstr(copy, "ERROR:") || strstr(copy, "error:")) mel_str_addf(&lines, "%s\n", copy);
        free(copy);
        line += n + (line[n] == '\n');
    }
    if (!lines.length) mel_str_add(&lines, text);
    return mel_str_take(&lines);
}

const char *mel_ytdlp_classify(const char *stderr_text, int exit_code)
{
    char *text = error_lines(stderr_text ? stderr_text : "");
    const char *reason = exit_code == 2 ? "yt.options" : "yt.unknown";
    for (size_t i = 0; text && i < MEL_COUNT(rows); i++) {
        if (!strcasestr(text, rows[i].words)) continue;
        if (rows[i].and_words && !strcasestr(text, rows[i].and_words)) continue;
        reason = rows[i].reason;
        break;
    }
    free(text);
    return reason;
}
