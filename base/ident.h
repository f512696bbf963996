/* SPDX-License-Identifier: Apache-2.0
 *
 * Identifiers: ids made by the client (so that a retried save never doubles) and the rule for
 * names that may become part of a path. */
#ifndef MEL_BASE_IDENT_H
#define MEL_BASE_IDENT_H

#include <stdbool.h>

enum { ULID_SIZE = 27, NAME_MAX_BYTES = 64 };

/* A ULID: 48 bits of milliseconds and 80 random bits in Crockford's base 32; sorts by time. */
void mel_ulid(char text[ULID_SIZE]);

/* True for ^[A-Za-z0-9_-]{1,64}$: safe as a file name (never "." or ".."), a key, a member name. */
bool mel_name_valid(const char *text);

#endif
