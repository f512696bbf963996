/* SPDX-License-Identifier: Apache-2.0
 *
 * The program `mel`: one cmd_<name>.c a subcommand, each a static table of options and a run
 * function that is thin over the libraries. Results go to stdout, everything else to stderr. Help
 * texts and shell completion come from the same tables. */
#ifndef MEL_CLI_H
#define MEL_CLI_H

#include "base/base.h"
#include "db/db.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_SOME_FAILED = 3,
    EXIT_INTERRUPTED = 130,
    RUN_ERROR = -1, /* a run function's "see err" */
};

typedef enum OptionType {
    OPTION_END,
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_INT,
    OPTION_REAL,
    OPTION_LIST
} OptionType;

enum { OPTION_LIST_MAX = 64 };

/* An option that may be given several times. */
typedef struct OptionList {
    const char *items[OPTION_LIST_MAX];
    int count;
} OptionList;

typedef struct CliOption {
    OptionType type;
    char letter; /* 0 = none */
    const char *name;
    size_t offset;        /* into the command's options struct: bool, const char *, int64_t, double,
                             OptionList */
    const char *argument; /* "FILE"; NULL for flags */
    const char *help;
} CliOption;

#define CLI_FLAG(letter, name, Struct, field, help)                                                \
    {                                                                                              \
        OPTION_FLAG, letter, name, offsetof(Struct, field), NULL, help                             \
    }
#define CLI_TEXT(letter, name, Struct, field, argument, help)                                      \
    {                                                                                              \
        OPTION_TEXT, letter, name, offsetof(Struct, field), argument, help                         \
    }
#define CLI_INT(letter, name, Struct, field, argument, help)                                       \
    {                                                                                              \
        OPTION_INT, letter, name, offsetof(Struct, field), argument, help                          \
    }
#define CLI_REAL(letter, name, Struct, field, argument, help)                                      \
    {                                                                                              \
        OPTION_REAL, letter, name, offsetof(Struct, field), argument, help                         \
    }
#define CLI_LIST(letter, name, Struct, field, argument, help)                                      \
    {                                                                                              \
        OPTION_LIST, letter, name, offsetof(Struct, field), argument, help                         \
    }
#define CLI_END                                                                                    \
    {                                                                                              \
        OPTION_END, 0, NULL, 0, NULL, NULL                                                         \
    }

/* What every command gets. */
typedef struct Cli {
    const char *folder; /* of -C, or "." */
    bool json, quiet, verbose;
    const char *device; /* of commands that compute: mel_device_use's names */
    Progress progress;  /* a bar on a terminal, nothing elsewhere */
    int argc;           /* arguments that are not options */
    char **argv;
} Cli;

typedef struct CliCommand {
    const char *name;
    const char *summary; /* lower case, no full stop */
    const char *usage;   /* "filter --name NAME --where CONDITION" */
    const char *details; /* paragraphs and examples; may be NULL */
    const CliOption *options;
    const void *defaults;   /* NULL = zeros */
    size_t size;            /* of the options struct */
    int min_args, max_args; /* -1 = any number */
    bool computes;          /* with networks, on --device */
    bool by_rank;           /* takes its device itself, by its rank among processes */
    /* An exit code, or RUN_ERROR with err set. */
    int (*run)(Cli *cli, const void *options, Err *err);
} CliCommand;

/* ---- main.c: the table */
const CliCommand *const *cli_commands(size_t *count);

/* ---- options.c */
MEL_MUST_CHECK bool cli_parse(const CliCommand *command, int argc, char **argv, void *options,
                              Cli *cli, bool *help_wanted, Err *err);
void cli_print_help(const CliCommand *command);
void cli_print_overview(void);
void cli_print_completion(void); /* a bash completion script */

/* ---- dataset.c: opening the dataset that -C names or that lies around the working folder */
MEL_MUST_CHECK bool cli_open(const Cli *cli, DbMode mode, Db **out, Err *err);

/* ---- output.c */
void cli_json_line(json_t *take); /* prints it and drops the reference */

/* A table for people: columns as wide as their widest cell, cut to the terminal's width. Without a
 * terminal: tab-separated, whole, for cut and awk. */
typedef struct Table Table;
Table *cli_table_new(int columns, const char *const *names);
void cli_table_add(Table *table, const char *const *cells); /* copies; NULL = "" */
void cli_table_print(Table *table);                         /* and frees it */

/* ---- progress_bar.c */
Progress cli_progress_bar(bool wanted);
void cli_progress_done(void);

#endif
