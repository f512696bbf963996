/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fetch_run.h"
#include "curator/curator.h"

#include <stdlib.h>
#include <string.h>

static const CliOption options[] = {
    CLI_TEXT('c', "class", FetchArgs, class, "NAMES",
             "transient, pause, conditional, configuration, local, permanent; or all"),
    FETCH_OPTIONS,
    CLI_END,
};

static bool check_classes(const char *names, Err *err)
{
    char *copy = mel_strdup(names), *rest = copy, *name;
    FailureClass class;
    bool ok = true;
    while (ok && (name = strsep(&rest, ",")) != NULL)
        ok = mel_equal(name, "all") || mel_failure_class_parse(name, &class) ||
             mel_err(err, ERR_USAGE, "'%s' is not a class of failures", name) ||
             mel_err_hint(err, "%s", options[0].help);
    free(copy);
    return ok;
}

static int run(Cli *cli, const void *args, Err *err)
{
    const FetchArgs *fetch = args;
    const char *classes = fetch->class ? fetch->class : "transient,local";
    if (!check_classes(classes, err)) return RUN_ERROR;
    return fetch_run(cli, fetch, classes, err);
}

const CliCommand cmd_retry = {
    .name = "retry",
    .summary = "fetch again what failed for a reason that may have passed",
    .usage = "retry [--class NAMES] [--where CONDITION] [-j N]",
    .details = "Without --class: transient and local failures.",
    .options = options,
    .defaults = &fetch_defaults,
    .size = sizeof(FetchArgs),
    .max_args = 0,
    .run = run,
};
