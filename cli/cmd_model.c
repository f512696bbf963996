/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/model_store.h"
#include "cli/models.h"

#include <stdlib.h>
#include <string.h>

typedef struct ModelArgs {
    const char *to, *repository;
    bool allow_private;
} ModelArgs;

static const CliOption model_options[] = {
    CLI_TEXT(0, "to", ModelArgs, to, "DIR", "pull: below this folder"),
    CLI_TEXT(0, "repository", ModelArgs, repository, "OWNER/NAME",
             "pull: from this repository of the hub"),
    CLI_FLAG(0, "allow-private", ModelArgs, allow_private,
             "pull: a hub on a private address (a mirror of your own)"),
    CLI_END,
};

static const char *const state_names[] = {"absent", "partial", "here", "own"};

/* The dataset around the working folder, or NULL: models do not need one. */
static char *dataset_or_null(const Cli *cli)
{
    Err ignored = {0};
    return mel_db_find(cli->folder, &ignored);
}

/* ---- list ----------------------------------------------------------------------------------- */

static void list_one(const Cli *cli, Table *table, const ModelEntry *entry, const char *folder,
                     ModelState state, int64_t bytes)
{
    char size[24];
    int64_t mbytes = state == MODEL_ABSENT ? entry->mbytes : bytes >> 20;
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", "model");
        mel_json_set_text(line, "name", entry->name);
        mel_json_set_text(line, "state", state_names[state]);
        mel_json_set_text(line, "what", entry->what);
        mel_json_set_text(line, "license", entry->license);
        mel_json_set_i64(line, "mbytes", mbytes);
        mel_json_set_text(line, "folder", folder);
        cli_json_line(line);
        return;
    }
    snprintf(size, sizeof size, "%lld MB", (long long)mbytes);
    cli_table_add(table, (const char *[]){entry->name, state_names[state], size, entry->license,
                                          entry->what});
}

static void list_models(const Cli *cli, const char *dataset)
{
    static const char *const names[] = {"model", "state", "size", "license", "what"};
    json_t *catalogue = model_catalogue();
    Table *table = cli->json ? NULL : cli_table_new(5, names);
    for (size_t i = 0; i < model_catalogue_count(catalogue); i++) {
        Err ignored = {0};
        int64_t bytes = 0;
        ModelEntry entry = model_catalogue_at(catalogue, i);
        char *folder = cli_model_find(dataset, entry.name, &ignored);
        ModelState state = folder ? model_state(folder, &bytes) : MODEL_ABSENT;
        list_one(cli, table, &entry, folder, state, bytes);
        free(folder);
    }
    if (table) cli_table_print(table);
    json_decref(catalogue);
}

/* ---- pull ----------------------------------------------------------------------------------- */

static void report(const Cli *cli, const char *event, const char *name, const char *folder,
                   int64_t files, int64_t bytes)
{
    if (cli->json) {
        json_t *line = json_object();
        mel_json_set_text(line, "event", event);
        mel_json_set_text(line, "name", name);
        mel_json_set_text(line, "folder", folder);
        mel_json_set_i64(line, "files", files);
        mel_json_set_i64(line, "bytes", bytes);
        cli_json_line(line);
    } else {
        mel_log_info("%s: %s, %lld files, %.1f MB in %s", name, event, (long long)files,
                     (double)bytes / 1e6, folder);
    }
}

/* An entry of the catalogue, or a repository that is named like one. */
static bool find_entry(const json_t *catalogue, const char *name, ModelEntry *out, Err *err)
{
    if (model_catalogue_find(catalogue, name, out)) return true;
    *out = (ModelEntry){.name = name, .license = "see the repository"};
    const char *slash = strchr(name, '/');
    bool plain = slash && slash != name && slash[1] && !strchr(slash + 1, '/');
    if (plain && name[0] != '.' && slash[1] != '.') return true;
    mel_err(err, ERR_NOT_FOUND, "there is no model '%s'", name);
    return mel_err_hint(err, "'mel model list' shows those that are known; OWNER/NAME is any "
                             "repository of the hub");
}

static bool pull(const Cli *cli, const char *dataset, const ModelArgs *args, Err *err)
{
    const char *endpoint = getenv("HF_ENDPOINT");
    const PullOptions options = {.endpoint =
                                     endpoint && *endpoint ? endpoint : "https://huggingface.co",
                                 .token = getenv("HF_TOKEN"),
                                 .repository = args->repository,
                                 .progress = &cli->progress};
    const HttpPolicy policy = {.allow_private = args->allow_private,
                               .request_us = 3600LL * 1000000,
                               .chunk_bytes_max = HUB_CHUNK_BYTES};
    char *home = args->to ? mel_strdup(args->to) : cli_model_home(dataset);
    json_t *catalogue = model_catalogue();
    HttpClient *client = NULL;
    bool ok = mel_http_new(&policy, &client, err);
    for (int i = 1; i < cli->argc && ok; i++) {
        ModelEntry entry;
        int64_t files, bytes;
        char *folder = mel_path_join(home, cli->argv[i]);
        ok = find_entry(catalogue, cli->argv[i], &entry, err) &&
             model_pull(client, &entry, home, &options, &files, &bytes, err);
        cli_progress_done();
        if (ok) report(cli, "pulled", entry.name, folder, files, bytes);
        free(folder);
    }
    mel_http_free(client);
    json_decref(catalogue);
    free(home);
    return ok;
}

/* ---- verify --------------------------------------------------------------------------------- */

static bool verify(const Cli *cli, const char *dataset, Err *err)
{
    bool ok = true;
    for (int i = 1; i < cli->argc && ok; i++) {
        int64_t files, bytes;
        char *folder = cli_model_find(dataset, cli->argv[i], err);
        ok = folder && model_verify(folder, &cli->progress, &files, &bytes, err);
        cli_progress_done();
        if (ok) report(cli, "verified", cli->argv[i], folder, files, bytes);
        free(folder);
    }
    return ok;
}

static int run(Cli *cli, const void *options, Err *err)
{
    const ModelArgs *args = options;
    const char *verb = cli->argv[0];
    char *dataset = dataset_or_null(cli);
    bool ok = true;
    if (mel_equal(verb, "list") && cli->argc == 1)
        list_models(cli, dataset);
    else if (mel_equal(verb, "pull") && cli->argc > 1)
        ok = pull(cli, dataset, args, err);
    else if (mel_equal(verb, "verify") && cli->argc > 1)
        ok = verify(cli, dataset, err);
    else
        ok = mel_err(err, ERR_USAGE, "'mel model' wants list, pull NAME… or verify NAME…");
    free(dataset);
    return ok ? EXIT_DONE : RUN_ERROR;
}

const CliCommand cmd_model = {
    .name = "model",
    .summary = "networks: which are known, get them, check them",
    .usage = "model list | pull NAME… | verify NAME…",
    .details =
        "Models lie in folders as the hub has them, below $MELKIT_MODELS, the dataset's models/ "
        "or\n"
        "~/.local/share/melkit/models. A pull that was stopped goes on where it was; every file "
        "is\n"
        "checked against the hub's size and hash before it gets its name. HF_ENDPOINT names a\n"
        "mirror, HF_TOKEN an account for models that want one.\n\n"
        "  mel model pull openai/clip-vit-base-patch32 laion/clap-htsat-unfused",
    .options = model_options,
    .size = sizeof(ModelArgs),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
