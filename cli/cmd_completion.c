/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static int run(Cli *cli, const void *options, Err *err)
{
    (void)cli, (void)options, (void)err;
    cli_print_completion();
    return EXIT_DONE;
}

const CliCommand cmd_completion = {
    .name = "completion",
    .summary = "print a completion script for bash",
    .usage = "completion",
    .details = "source <(mel completion)",
    .max_args = 0,
    .run = run,
};
