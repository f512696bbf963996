/* SPDX-License-Identifier: Apache-2.0
 *
 * What `mel fetch` and `mel retry` share. */
#ifndef MEL_CLI_FETCH_RUN_H
#define MEL_CLI_FETCH_RUN_H

#include "cli/cli.h"

typedef struct FetchArgs {
    const char *where, *class;
    int64_t jobs, stills, preview;
    bool allow_private, allow_silent, require_sandbox;
    double per_hour;
    const char *ytdlp;
} FetchArgs;

#define FETCH_OPTIONS                                                                              \
    CLI_TEXT('w', "where", FetchArgs, where, "SQL", "only clips that meet this condition"),        \
        CLI_INT('j', "jobs", FetchArgs, jobs, "N", "clips in work at once (cores)"),               \
        CLI_INT(0, "stills", FetchArgs, stills, "K", "candidate stills a clip, 1 to 8 (4)"),       \
        CLI_INT(0, "preview", FetchArgs, preview, "H",                                             \
                "height of the scrubbing preview in pixels, 0 for none (240)"),                    \
        CLI_FLAG(0, "allow-private", FetchArgs, allow_private,                                     \
                 "servers on this machine and in private networks too"),                           \
        CLI_FLAG(0, "allow-silent", FetchArgs, allow_silent,                                       \
                 "sources without sound become clips too"),                                        \
        CLI_FLAG(0, "require-sandbox", FetchArgs, require_sandbox,                                 \
                 "refuse to decode when the kernel cannot confine the decoder"),                   \
        CLI_REAL(0, "per-hour", FetchArgs, per_hour, "N", "pages resolved an hour at most (250)"), \
        CLI_TEXT(0, "yt-dlp", FetchArgs, ytdlp, "PROGRAM", "the resolver (yt-dlp)")

extern const FetchArgs fetch_defaults;

/* retry_classes NULL: clips never tried. */
int fetch_run(Cli *cli, const FetchArgs *args, const char *retry_classes, Err *err);

#endif
