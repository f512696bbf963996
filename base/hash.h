/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 (OpenSSL's) in the three ways it is used here: of bytes, of a stream, and keyed. */
#ifndef MEL_BASE_HASH_H
#define MEL_BASE_HASH_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SHA256_HEX_SIZE = 65 }; /* 64 hexadecimal digits and the NUL */

typedef struct Sha256 Sha256;

Sha256 *mel_sha256_new(void);
void mel_sha256_add(Sha256 *hash, const void *bytes, size_t n);
void mel_sha256_finish(Sha256 *hash, char hex[SHA256_HEX_SIZE]); /* frees the hash */
void mel_sha256_free(Sha256 *hash);                              /* NULL is fine */

void mel_sha256_hex(const void *bytes, size_t n, char hex[SHA256_HEX_SIZE]);

/* Hash and size of a regular file. `size_out` may be NULL. */
MEL_MUST_CHECK bool mel_sha256_file(const char *path, char hex[SHA256_HEX_SIZE],
                                    int64_t *size_bytes_out, Err *err);

/* What git calls a file of these bytes (SHA-1 of "blob <size>", NUL, bytes); for files up to 64
 * MiB. */
enum { GIT_OID_SIZE = 41 };
MEL_MUST_CHECK bool mel_git_oid_file(const char *path, char hex[GIT_OID_SIZE], Err *err);

/* The first 8 bytes, big-endian, of SHA-256(key, NUL, text): a stable keyed hash. */
uint64_t mel_keyed_hash(const char *key, const char *text);

#endif
