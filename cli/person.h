/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is at the terminal, and lists of people. */
#ifndef MEL_CLI_PERSON_H
#define MEL_CLI_PERSON_H

#include "cli/cli.h"

#define CLI_PERSON_HELP "($MEL_ANNOTATOR, else the login name)"

/* `given`, or NULL: $MEL_ANNOTATOR, else the login name; borrowed. */
const char *cli_person(const char *given);

/* The words between commas, trimmed, in the arena; how many, or -1 with an error when they are
 * more than `capacity`. */
int cli_words(const char *list, Arena *arena, const char **words, int capacity, Err *err);

#endif
