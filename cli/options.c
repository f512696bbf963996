/* SPDX-License-Identifier: Apache-2.0
 *
 * One table of options a command: parsing, help and completion all read it. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const CliOption *find_option(const CliCommand *command, const char *name, size_t length)
{
    for (const CliOption *o = command->options; o && o->type != OPTION_END; o++)
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0) return o;
    return NULL;
}

static const CliOption *find_letter(const CliCommand *command, char letter)
{
    for (const CliOption *o = command->options; o && o->type != OPTION_END; o++)
        if (o->letter && o->letter == letter) return o;
    return NULL;
}

static bool unknown_option(const CliCommand *command, const char *given, Err *err)
{
    const char *names[64];
    size_t count = 0;
    for (const CliOption *o = command->options; o && o->type != OPTION_END && count < 64; o++)
        names[count++] = o->name;
    const char *bare = given + strspn(given, "-");
    const char *nearest = mel_did_you_mean(bare, names, count);
    mel_err(err, ERR_USAGE, "'mel %s' has no option '%s'", command->name, given);
    if (nearest) return mel_err_hint(err, "did you mean '--%s'?", nearest);
    return mel_err_hint(err, "'mel %s --help' lists them", command->name);
}

static bool set_option(const CliOption *option, const char *value, void *options, Err *err)
{
    char *place = (char *)options + option->offset;
    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return true;
    case OPTION_TEXT:
        *(const char **)(void *)place = value;
        return true;
    case OPTION_INT:
        return mel_parse_i64(value, (int64_t *)(void *)place) ||
               mel_err(err, ERR_USAGE, "'--%s' wants a whole number, not '%s'", option->name,
                       value);
    case OPTION_REAL:
        return mel_parse_f64(value, (double *)(void *)place) ||
               mel_err(err, ERR_USAGE, "'--%s' wants a number, not '%s'", option->name, value);
    case OPTION_LIST: {
        OptionList *list = (void *)place;
        if (list->count == OPTION_LIST_MAX)
            return mel_err(err, ERR_USAGE, "'--%s' may be given %d times at most", option->name,
                           OPTION_LIST_MAX);
        list->items[list->count++] = value;
        return true;
    }
    case OPTION_END:
        break;
    }
    return false;
}

/* Main options are understood behind the command as well. */
static bool main_option(Cli *cli, int argc, char **argv, int *at, bool *help)
{
    const char *arg = argv[*at];
    if (mel_equal(arg, "--device") && *at + 1 < argc)
        cli->device = argv[++*at];
    else if (mel_equal(arg, "--json"))
        cli->json = true;
    else if (mel_equal(arg, "--quiet") || mel_equal(arg, "-q"))
        cli->quiet = true;
    else if (mel_equal(arg, "--verbose") || mel_equal(arg, "-v"))
        cli->verbose = true;
    else if (mel_equal(arg, "--help") || mel_equal(arg, "-h"))
        *help = true;
    else
        return false;
    return true;
}

static bool parse_one(const CliCommand *command, int argc, char **argv, int *at, void *options,
                      Err *err)
{
    const char *arg = argv[*at], *value = NULL;
    const CliOption *option;
    if (arg[1] == '-') {
        const char *equals = strchr(arg, '=');
        option =
            find_option(command, arg + 2, equals ? (size_t)(equals - arg - 2) : strlen(arg + 2));
        if (equals) value = equals + 1;
    } else {
        option = find_letter(command, arg[1]);
        if (arg[2]) value = arg + 2;
    }
    if (!option) return unknown_option(command, arg, err);
    if (option->type == OPTION_FLAG && value)
        return mel_err(err, ERR_USAGE, "'--%s' takes no value", option->name);
    if (option->type != OPTION_FLAG && !value) {
        if (*at + 1 >= argc)
            return mel_err(err, ERR_USAGE, "'--%s' wants a value (%s)", option->name,
                           option->argument);
        value = argv[++*at];
    }
    return set_option(option, value, options, err);
}

bool cli_parse(const CliCommand *command, int argc, char **argv, void *options, Cli *cli,
               bool *help_wanted, Err *err)
{
    bool only_arguments = false;
    cli->argv = argv;
    cli->argc = 0;
    for (int i = 0; i < argc; i++) {
        char *arg = argv[i];
        if (!only_arguments && mel_equal(arg, "--")) {
            only_arguments = true;
        } else if (only_arguments || arg[0] != '-' || arg[1] == '\0') {
            argv[cli->argc++] = arg;
        } else if (!main_option(cli, argc, argv, &i, help_wanted)) {
            if (!parse_one(command, argc, argv, &i, options, err)) return false;
        }
    }
    if (*help_wanted) return true;
    bool few = cli->argc < command->min_args;
    bool many = command->max_args >= 0 && cli->argc > command->max_args;
    if (!few && !many) return true;
    if (few)
        mel_err(err, ERR_USAGE, "'mel %s' wants more arguments", command->name);
    else
        mel_err(err, ERR_USAGE, "'mel %s' does not know what to do with '%s'", command->name,
                argv[command->max_args]);
    return mel_err_hint(err, "usage: mel %s", command->usage);
}

void cli_print_help(const CliCommand *command)
{
    printf("mel %s: %s\n\nusage: mel %s\n", command->name, command->summary, command->usage);
    if (command->options && command->options->type != OPTION_END) printf("\noptions:\n");
    for (const CliOption *o = command->options; o && o->type != OPTION_END; o++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                 o->argument ? " " : "", o->argument ? o->argument : "");
        printf("  %-26s  %s\n", left, o->help);
    }
    if (command->details) printf("\n%s\n", command->details);
}

void cli_print_overview(void)
{
    size_t count;
    const CliCommand *const *all = cli_commands(&count);
    printf(
        "mel %s: curate, annotate and train on <image, text, music> triplets\n\n"
        "usage: mel [-C DIR] [--json] [-q|-v] COMMAND ...\n\n"
        "  -C DIR      work on the dataset in DIR (else: the one around the working folder)\n"
        "  --json      results as JSON Lines (schemas/json names the keys)\n"
        "  -q, -v      say less, say more\n"
        "  --device D  where networks compute: cpu, cuda, cuda:1, or auto (a GPU if there is one)\n"
        "  --version   the version of the program and of its store\n\n"
        "commands:\n",
        MEL_VERSION);
    for (size_t i = 0; i < count; i++)
        printf("  %-11s %s\n", all[i]->name, all[i]->summary);
    printf(
        "\n'mel COMMAND --help' tells more. Exit codes: 0 done, 1 failed, 2 usage, 3 finished but\n"
        "some items failed, 130 interrupted.\n");
}

void cli_print_completion(void)
{
    size_t count;
    const CliCommand *const *all = cli_commands(&count);
    printf(
        "_mel() {\n    local word=${COMP_WORDS[COMP_CWORD]} command= i\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case ${COMP_WORDS[i]} in -C|--device) ((i++)) ;; -*) ;;\n"
        "        *) command=${COMP_WORDS[i]}; break ;; esac\n    done\n"
        "    case $command in\n    '') COMPREPLY=($(compgen -W \"-C --json -q -v --device --help "
        "--version");
    for (size_t i = 0; i < count; i++)
        printf(" %s", all[i]->name);
    printf("\" -- \"$word\")) ;;\n");
    for (size_t i = 0; i < count; i++) {
        printf("    %s) COMPREPLY=($(compgen -W \"--help --json", all[i]->name);
        if (all[i]->computes) printf(" --device");
        for (const CliOption *o = all[i]->options; o && o->type != OPTION_END; o++)
            printf(" --%s", o->name);
        printf("\" -- \"$word\") $(compgen -f -- \"$word\")) ;;\n");
    }
    printf("    esac\n}\ncomplete -o filenames -F _mel mel\n");
}
