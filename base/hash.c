/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGEST_BYTES = 32, READ_BYTES = 1 << 18 };

struct Sha256 {
    EVP_MD_CTX *context;
};

Sha256 *mel_sha256_new(void)
{
    Sha256 *hash = mel_alloc(sizeof *hash);
    hash->context = EVP_MD_CTX_new();
    MEL_ASSERT(hash->context);
    MEL_ASSERT(EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) == 1);
    return hash;
}

void mel_sha256_add(Sha256 *hash, const void *bytes, size_t n)
{
    MEL_ASSERT(EVP_DigestUpdate(hash->context, bytes, n) == 1);
}

static void finish_raw(Sha256 *hash, unsigned char digest[DIGEST_BYTES])
{
    unsigned int length = 0;
    MEL_ASSERT(EVP_DigestFinal_ex(hash->context, digest, &length) == 1);
    MEL_ASSERT(length == DIGEST_BYTES);
    mel_sha256_free(hash);
}

void mel_sha256_finish(Sha256 *hash, char hex[SHA256_HEX_SIZE])
{
    unsigned char digest[DIGEST_BYTES];
    finish_raw(hash, digest);
    for (int i = 0; i < DIGEST_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void mel_sha256_free(Sha256 *hash)
{
    if (!hash) return;
    EVP_MD_CTX_free(hash->context);
    free(hash);
}

void mel_sha256_hex(const void *bytes, size_t n, char hex[SHA256_HEX_SIZE])
{
    Sha256 *hash = mel_sha256_new();
    mel_sha256_add(hash, bytes, n);
    mel_sha256_finish(hash, hex);
}

bool mel_sha256_file(const char *path, char hex[SHA256_HEX_SIZE], int64_t *size_bytes_out, Err *err)
{
    bool ok = false;
    int64_t size = 0;
    Sha256 *hash = NULL;
    char *buffer = NULL;
    ssize_t n;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
    if (fd < 0 || fstat(fd, &st) != 0) {
        mel_err_errno(err, "cannot open '%s'", path);
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        mel_err(err, ERR_IO, "'%s' is not a regular file", path);
        goto out;
    }
    hash = mel_sha256_new();
    buffer = mel_alloc(READ_BYTES);
    while ((n = read(fd, buffer, READ_BYTES)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            mel_err_errno(err, "cannot read '%s'", path);
            goto out;
        }
        mel_sha256_add(hash, buffer, (size_t)n);
        size += n;
    }
    mel_sha256_finish(hash, hex);
    hash = NULL;
    if (size_bytes_out) *size_bytes_out = size;
    ok = true;
out:
    free(buffer);
    mel_sha256_free(hash);
    if (fd >= 0) close(fd);
    return ok;
}

uint64_t mel_keyed_hash(const char *key, const char *text)
{
    unsigned char digest[DIGEST_BYTES];
    Sha256 *hash = mel_sha256_new();
    mel_sha256_add(hash, key, strlen(key) + 1);
    mel_sha256_add(hash, text, strlen(text));
    finish_raw(hash, digest);
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | digest[i];
    return value;
}

bool mel_git_oid_file(const char *path, char hex[GIT_OID_SIZE], Err *err)
{
    enum { FILE_BYTES_MAX = 64 << 20, SHA1_BYTES = 20 };
    unsigned char digest[EVP_MAX_MD_SIZE];
    char head[32], *bytes;
    size_t n;
    if (!mel_read_file(path, FILE_BYTES_MAX, &bytes, &n, err)) return false;
    int head_length = snprintf(head, sizeof head, "blob %zu", n) + 1; /* and its NUL */
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    MEL_ASSERT(context && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1);
    MEL_ASSERT(EVP_DigestUpdate(context, head, (size_t)head_length) == 1);
    MEL_ASSERT(EVP_DigestUpdate(context, bytes, n) == 1);
    MEL_ASSERT(EVP_DigestFinal_ex(context, digest, NULL) == 1);
    EVP_MD_CTX_free(context);
    free(bytes);
    for (int i = 0; i < SHA1_BYTES; i++)
        snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    return true;
}
