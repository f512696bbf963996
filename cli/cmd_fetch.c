/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fetch_run.h"

static const CliOption options[] = {FETCH_OPTIONS, CLI_END};

static int run(Cli *cli, const void *args, Err *err)
{
    return fetch_run(cli, args, NULL, err);
}

const CliCommand cmd_fetch = {
    .name = "fetch",
    .summary = "get the bytes, cut, measure and verify the clips that wait",
    .usage = "fetch [--where CONDITION] [-j N]",
    .details = "Works on clips that were never tried. Each clip ends as ready or as failed with a "
               "reason;\n"
               "a run that is killed loses the clip in hand and the next run goes on. When a "
               "service asks\n"
               "to stop (rate limit, bot check), everything pauses for an hour; nothing is evaded.",
    .options = options,
    .defaults = &fetch_defaults,
    .size = sizeof(FetchArgs),
    .max_args = 0,
    .run = run,
};
