/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdlib.h>

bool cli_open(const Cli *cli, DbMode mode, Db **out, Err *err)
{
    char *folder = mel_db_find(cli->folder, err);
    if (!folder) return false;
    bool ok = mel_db_open(folder, mode, out, err);
    free(folder);
    return ok;
}
