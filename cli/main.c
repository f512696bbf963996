/* SPDX-License-Identifier: Apache-2.0
 *
 * mel: main options, the table of commands, exit codes. */
#include "cli/cli.h"
#include "engine/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS(X)                                                                                \
    X(init)                                                                                        \
    X(doctor)                                                                                      \
    X(import)                                                                                      \
    X(fetch)                                                                                       \
    X(retry)                                                                                       \
    X(list)                                                                                        \
    X(show)                                                                                        \
    X(explain)                                                                                     \
    X(assign)                                                                                      \
    X(suggest)                                                                                     \
    X(annotate)                                                                                    \
    X(pack)                                                                                        \
    X(merge)                                                                                       \
    X(review)                                                                                      \
    X(adjudicate)                                                                                  \
    X(agree)                                                                                       \
    X(dedup)                                                                                       \
    X(score)                                                                                       \
    X(model)                                                                                       \
    X(prepare)                                                                                     \
    X(train)                                                                                       \
    X(generate)                                                                                    \
    X(latent)                                                                                      \
    X(evaluate)                                                                                    \
    X(filter)                                                                                      \
    X(split)                                                                                       \
    X(export)                                                                                      \
    X(verify)                                                                                      \
    X(stats)                                                                                       \
    X(takedown)                                                                                    \
    X(completion)

#define X(name) extern const CliCommand cmd_##name;
COMMANDS(X)
#undef X

static const CliCommand *const commands[] = {
#define X(name) &cmd_##name,
    COMMANDS(X)
#undef X
};
enum { COMMAND_COUNT = MEL_COUNT(commands) };

const CliCommand *const *cli_commands(size_t *count)
{
    *count = COMMAND_COUNT;
    return commands;
}

static bool find_command(const char *name, const CliCommand **out)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (!mel_equal(commands[i]->name, name)) continue;
        *out = commands[i];
        return true;
    }
    return false;
}

static bool unknown_command(const char *name, Err *err)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i]->name;
    const char *nearest = mel_did_you_mean(name, names, COMMAND_COUNT);
    mel_err(err, ERR_USAGE, "there is no command '%s'", name);
    if (nearest) return mel_err_hint(err, "did you mean 'mel %s'?", nearest);
    return mel_err_hint(err, "'mel --help' lists them");
}

/* Options before the command. Returns the index of the command's name, or -1 with err set. */
static int main_options(Cli *cli, int argc, char **argv, bool *help, Err *err)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        const char *arg = argv[i];
        if (mel_equal(arg, "-C") && i + 1 < argc)
            cli->folder = argv[++i];
        else if (mel_equal(arg, "--json"))
            cli->json = true;
        else if (mel_equal(arg, "-q") || mel_equal(arg, "--quiet"))
            cli->quiet = true;
        else if (mel_equal(arg, "-v") || mel_equal(arg, "--verbose"))
            cli->verbose = true;
        else if (mel_equal(arg, "--device") && i + 1 < argc)
            cli->device = argv[++i];
        else if (mel_equal(arg, "-h") || mel_equal(arg, "--help"))
            *help = true;
        else if (mel_equal(arg, "--version")) {
            printf("mel %s (schema %d)\n", MEL_VERSION, mel_db_schema_version());
            exit(EXIT_DONE);
        } else {
            mel_err(err, ERR_USAGE, "there is no option '%s' before the command", arg);
            mel_err_hint(err, "'mel --help' lists them");
            return -1;
        }
    }
    return i;
}

static int exit_code(const Err *err)
{
    if (err->code == ERR_USAGE) return EXIT_USAGE;
    if (err->code == ERR_CANCELLED) return EXIT_INTERRUPTED;
    return EXIT_FAILED;
}

static int run_command(Cli *cli, const CliCommand *command, int argc, char **argv, Err *err)
{
    bool help = false;
    void *options = mel_alloc(command->size);
    if (command->defaults) memcpy(options, command->defaults, command->size);
    int code = RUN_ERROR;
    if (cli_parse(command, argc, argv, options, cli, &help, err)) {
        if (help) {
            cli_print_help(command);
            code = EXIT_DONE;
        } else {
            mel_log_level(cli->quiet ? LOG_QUIET : cli->verbose ? LOG_VERBOSE : LOG_NORMAL);
            cli->progress = cli_progress_bar(!cli->quiet && !cli->json);
            bool chosen =
                !command->computes || command->by_rank || mel_device_use(cli->device, err);
            if (chosen) code = command->run(cli, options, err);
            cli_progress_done();
        }
    }
    free(options);
    return code;
}

int main(int argc, char **argv)
{
    Err err = {0};
    Cli cli = {.folder = ".", .device = "auto"};
    bool help = false;
    signal(SIGPIPE, SIG_IGN);
#ifdef MEL_CUDA
    mel_device_offer(mel_backend_cuda);
#endif
    mel_interrupt_install();
    int at = main_options(&cli, argc, argv, &help, &err);
    if (at >= 0 && (help || at == argc)) {
        cli_print_overview();
        return help ? EXIT_DONE : EXIT_USAGE;
    }
    const CliCommand *command = NULL;
    int code = RUN_ERROR;
    if (at >= 0 && !find_command(argv[at], &command)) unknown_command(argv[at], &err);
    if (command) code = run_command(&cli, command, argc - at - 1, argv + at + 1, &err);
    /* A reader that has seen enough ('mel list | head') is no failure. */
    errno = 0;
    bool broken = fflush(stdout) != 0 || ferror(stdout);
    if (broken && errno != EPIPE && errno != 0) {
        mel_err_errno(&err, "cannot write the results");
        code = RUN_ERROR;
    }
    if (code != RUN_ERROR) return code;
    mel_log_error(&err);
    return exit_code(&err);
}
