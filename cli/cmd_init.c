/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>

static int run(Cli *cli, const void *options, Err *err)
{
    (void)options;
    if (!mel_db_create(cli->argv[0], err)) return RUN_ERROR;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "dataset", cli->argv[0]);
        mel_json_set_i64(line, "schema", mel_db_schema_version());
        cli_json_line(line);
    } else {
        mel_log_info("made a dataset in '%s'; next: mel -C %s import LIST", cli->argv[0],
                     cli->argv[0]);
    }
    return EXIT_DONE;
}

const CliCommand cmd_init = {
    .name = "init",
    .summary = "make a new dataset",
    .usage = "init DIR",
    .details = "Makes DIR/mel.db and the folders media, exports, runs and models beside it.",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
