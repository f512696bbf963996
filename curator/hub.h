/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a model hub (huggingface.co, or a mirror with its interface): what a repository holds,
 * by its listing, and one file at a time, resumed where it stopped and checked against the
 * listing's size and hash before it gets its name. */
#ifndef MEL_CURATOR_HUB_H
#define MEL_CURATOR_HUB_H

#include "curator/http.h"

enum { HUB_CHUNK_BYTES = 512 << 20 }; /* of a request; an HttpPolicy's chunk_bytes_max */

typedef struct HubFile {
    const char *path;             /* below the repository; checked: no way out of it */
    int64_t size_bytes;           /* -1: not known */
    char sha256[SHA256_HEX_SIZE]; /* "" when the listing has none */
    char git_oid[GIT_OID_SIZE];   /* of files that are kept in git itself, else "" */
} HubFile;

typedef struct HubListing {
    Arena arena;
    HubFile *files; /* by path */
    size_t count, capacity;
} HubListing;

/* Every file of a repository ("openai/clip-vit-base-patch32") at its branch main. token: of an
 * account, for models that want one; may be NULL. ERR_NOT_FOUND when the repository is not there
 * or not open to this account; ERR_FORMAT for a listing that is none; what mel_http_get says. */
MEL_MUST_CHECK bool mel_hub_list(HttpClient *client, const char *endpoint, const char *repository,
                                 const char *token, HubListing *out, Err *err);
void mel_hub_listing_clear(HubListing *listing); /* {0} is fine */

char *mel_hub_url(const char *endpoint, const char *repository, const char *path); /* to free */

/* Fetches one file to `target`. What has come so far lies in <target>.part and is gone on with,
 * also by another process, while the server has the same file. A file of another size or hash than
 * `file` says is thrown away (ERR_NET, "http.checksum"). sha256 gets what the bytes have. A target
 * that is there already and right is left as it is. */
typedef struct HubFetch {
    const char *url, *target, *token;
    HubFile file;
    const Progress *progress; /* in MiB */
} HubFetch;
MEL_MUST_CHECK bool mel_hub_fetch(HttpClient *client, const HubFetch *fetch,
                                  char sha256[SHA256_HEX_SIZE], Err *err);

#endif
