/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/checkpoint/checkpoint_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HASH_READ_BYTES = 1 << 20, BUDGET_TIMES = 4, BUDGET_BYTES = 1 << 20 };

static bool map_whole(MappedFile *file, Err *err)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0) return mel_err_errno(err, "cannot look at '%s'", file->path);
    if (!S_ISREG(st.st_mode))
        return mel_err(err, ERR_FORMAT, "'%s' is not a regular file", file->path);
    file->size = st.st_size;
    file->bytes = (const uint8_t *)"";
    if (file->size == 0) return true;
    void *bytes = mmap(NULL, (size_t)file->size, PROT_READ, MAP_PRIVATE, file->fd, 0);
    if (bytes == MAP_FAILED) {
        file->size = 0;
        return mel_err_errno(err, "cannot map '%s'", file->path);
    }
    file->bytes = bytes;
    return true;
}

bool mel_mapped_open(MappedFile *file, const char *path, Err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return mel_err(err, ERR_NOT_FOUND, "there is no file '%s'", path);
    if (fd < 0) return mel_err_errno(err, "cannot open '%s'", path);
    *file = (MappedFile){.fd = fd, .path = mel_strdup(path)};
    if (map_whole(file, err)) return true;
    mel_mapped_close(file);
    return false;
}

void mel_mapped_close(MappedFile *file)
{
    if (!file->path) return;
    if (file->size) munmap((void *)(uintptr_t)file->bytes, (size_t)file->size);
    close(file->fd);
    free(file->path);
    *file = (MappedFile){0};
}

bool mel_mapped_unchanged(const MappedFile *file, Err *err)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0) return mel_err_errno(err, "cannot look at '%s'", file->path);
    if (st.st_size == file->size) return true;
    return mel_err(err, ERR_IO, "'%s' had %lld bytes when it was opened and has %lld now",
                   file->path, (long long)file->size, (long long)st.st_size);
}

ShownText mel_shown(const char *bytes, size_t n)
{
    ShownText shown;
    size_t room = sizeof shown.text - 4, kept = n < room ? n : room;
    for (size_t i = 0; i < kept; i++)
        shown.text[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '?';
    snprintf(shown.text + kept, 4, "%s", kept < n ? "..." : "");
    return shown;
}

bool mel_checkpoint_name_ok(const char *name, size_t n)
{
    if (n == 0 || n > CHECKPOINT_NAME_MAX || !mel_utf8_valid(name, n)) return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < ' ' || c == 0x7f) return false;
        /* U+0080 to U+009F */
        if (c == 0xc2 && i + 1 < n && (unsigned char)name[i + 1] < 0xa0) return false;
    }
    return true;
}

/* Counts within texts, too: names and metadata have few of these. */
json_t *mel_checkpoint_parse_json(const char *text, size_t n, const char *what, Err *err)
{
    int64_t nodes = 0, commas = 0;
    for (size_t i = 0; i < n; i++) {
        nodes += text[i] == '{' || text[i] == '[';
        commas += text[i] == ',';
    }
    if (nodes <= CHECKPOINT_JSON_NODES_MAX && commas <= CHECKPOINT_JSON_COMMAS_MAX)
        return mel_json_parse(text, n, what, err);
    mel_err(err, ERR_LIMIT, "%s has more parts than %d tensors need", what, CHECKPOINT_TENSORS_MAX);
    return NULL;
}

bool mel_checkpoint_spend(Checkpoint *checkpoint, int64_t bytes, Err *err)
{
    if (bytes > checkpoint->budget_bytes)
        return mel_err(err, ERR_LIMIT,
                       "with its %lld bytes, views of the stored numbers take more than %d times "
                       "the file",
                       (long long)bytes, BUDGET_TIMES);
    checkpoint->budget_bytes -= bytes;
    return true;
}

void *mel_checkpoint_copy_space(Checkpoint *checkpoint, int64_t bytes, const char *name, Err *err)
{
    if (!mel_checkpoint_spend(checkpoint, bytes, err)) return NULL;
    void *copy = mel_try_alloc((size_t)bytes, 1, PTRDIFF_MAX, name, err);
    if (!copy) return NULL;
    mel_grow(&checkpoint->copies, &checkpoint->copy_capacity, checkpoint->copy_count + 1,
             sizeof *checkpoint->copies);
    checkpoint->copies[checkpoint->copy_count++] = copy;
    return copy;
}

static bool truth_values(Checkpoint *checkpoint, const CheckpointTensor *tensor, Err *err)
{
    const uint8_t *values = tensor->data;
    if (!mel_checkpoint_spend(checkpoint, tensor->bytes, err)) return false;
    for (int64_t i = 0; i < tensor->bytes; i++)
        if (values[i] > 1)
            return mel_err(err, ERR_FORMAT, "element %lld is %d, which is no truth value",
                           (long long)i, values[i]);
    return true;
}

bool mel_checkpoint_add(Checkpoint *checkpoint, const CheckpointTensor *tensor, Err *err)
{
    if (checkpoint->count >= CHECKPOINT_TENSORS_MAX)
        return mel_err(err, ERR_LIMIT, "there are more than %d tensors", CHECKPOINT_TENSORS_MAX);
    if (tensor->dtype == DTYPE_BOOL && !truth_values(checkpoint, tensor, err))
        return mel_err_wrap(err, "tensor '%s'", mel_shown(tensor->name, strlen(tensor->name)).text);
    mel_grow(&checkpoint->tensors, &checkpoint->capacity, checkpoint->count + 1,
             sizeof *checkpoint->tensors);
    CheckpointTensor *added = &checkpoint->tensors[checkpoint->count++];
    *added = *tensor;
    added->name = mel_arena_strdup(&checkpoint->arena, tensor->name);
    return true;
}

typedef struct Format {
    const char *name;
    bool (*read)(Checkpoint *checkpoint, const MappedFile *file, Err *err);
} Format;

static const Format safetensors = {"safetensors", mel_safetensors_read};
static const Format torch_zip = {"torch zip", mel_torch_zip_read};
static const Format torch_legacy = {"torch legacy", mel_torch_legacy_read};

/* A safetensors file has its header's length in eight bytes and then '{'; a length below 2^40
 * tells it from a pickle, whose ninth byte is part of a large number. */
static const Format *sniff(const MappedFile *file)
{
    const uint8_t *bytes = file->bytes;
    if (file->size >= 9 && bytes[8] == '{' && mel_le64(bytes) >> 40 == 0) return &safetensors;
    if (file->size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0) return &torch_zip;
    if (file->size >= 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5) return &torch_legacy;
    return NULL;
}

static bool not_a_checkpoint(const MappedFile *file, Err *err)
{
    const char *start = (const char *)file->bytes;
    if (file->size == 0) return mel_err(err, ERR_FORMAT, "the file is empty");
    mel_err(err, ERR_FORMAT, "neither safetensors nor a torch file, it starts with '%s'",
            mel_shown(start, file->size < 16 ? (size_t)file->size : 16).text);
    if (file->size > 8 && memcmp(start, "version ", 8) == 0)
        return mel_err_hint(err, "this is the pointer that git keeps: run git lfs pull");
    if (*start == '{') return mel_err_hint(err, "the index of a set is named *.index.json");
    return mel_err_hint(err, "give a .safetensors, .bin, .pth or .ckpt file, or its folder");
}

bool mel_checkpoint_read(Checkpoint *checkpoint, const MappedFile *file, Err *err)
{
    const Format *format = sniff(file);
    if (!checkpoint->format && format) checkpoint->format = format->name;
    checkpoint->budget_bytes += BUDGET_TIMES * file->size + BUDGET_BYTES;
    bool ok = format ? format->read(checkpoint, file, err) : not_a_checkpoint(file, err);
    ok = ok && mel_mapped_unchanged(file, err);
    return ok || mel_err_wrap(err, "'%s'", file->path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const CheckpointTensor *)a)->name, ((const CheckpointTensor *)b)->name);
}

bool mel_checkpoint_sort(Checkpoint *checkpoint, Err *err)
{
    CheckpointTensor *tensors = checkpoint->tensors;
    if (checkpoint->count > 1) qsort(tensors, checkpoint->count, sizeof *tensors, by_name);
    for (size_t i = 1; i < checkpoint->count; i++)
        if (strcmp(tensors[i - 1].name, tensors[i].name) == 0)
            return mel_err(err, ERR_FORMAT, "tensor '%s' is there twice",
                           mel_shown(tensors[i].name, strlen(tensors[i].name)).text);
    return true;
}

static bool read_one(Checkpoint *checkpoint, const char *path, Err *err)
{
    checkpoint->files = mel_alloc(sizeof *checkpoint->files);
    if (!mel_mapped_open(checkpoint->files, path, err)) return false;
    checkpoint->file_count = 1;
    if (!mel_checkpoint_read(checkpoint, checkpoint->files, err)) return false;
    return mel_checkpoint_sort(checkpoint, err) || mel_err_wrap(err, "'%s'", path);
}

bool mel_checkpoint_open(const char *path, Checkpoint **out, Err *err)
{
    bool ok = false;
    char *member = NULL;
    Checkpoint *checkpoint = mel_alloc(sizeof *checkpoint);
    if (mel_path_is_dir(path)) {
        if (!mel_checkpoint_pick(path, &member, err)) goto out;
        path = member;
    }
    if (mel_ends_with(path, ".index.json"))
        ok = mel_checkpoint_read_set(checkpoint, path, err);
    else
        ok = read_one(checkpoint, path, err);
    if (!ok) goto out;
    *out = checkpoint;
    checkpoint = NULL;
out:
    mel_checkpoint_close(checkpoint);
    free(member);
    return ok;
}

void mel_checkpoint_close(Checkpoint *checkpoint)
{
    if (!checkpoint) return;
    for (size_t i = 0; i < checkpoint->file_count; i++)
        mel_mapped_close(&checkpoint->files[i]);
    for (size_t i = 0; i < checkpoint->copy_count; i++)
        free(checkpoint->copies[i]);
    free(checkpoint->copies);
    free(checkpoint->files);
    free(checkpoint->tensors);
    mel_arena_clear(&checkpoint->arena);
    free(checkpoint);
}

int64_t mel_checkpoint_count(const Checkpoint *checkpoint)
{
    return (int64_t)checkpoint->count;
}

const CheckpointTensor *mel_checkpoint_at(const Checkpoint *checkpoint, int64_t i)
{
    MEL_ASSERT(i >= 0 && (size_t)i < checkpoint->count);
    return &checkpoint->tensors[i];
}

const CheckpointTensor *mel_checkpoint_find(const Checkpoint *checkpoint, const char *name)
{
    CheckpointTensor key = {.name = name};
    if (checkpoint->count == 0) return NULL;
    return bsearch(&key, checkpoint->tensors, checkpoint->count, sizeof key, by_name);
}

const char *mel_checkpoint_format(const Checkpoint *checkpoint)
{
    return checkpoint->format;
}

void mel_checkpoint_done_with(const Checkpoint *checkpoint, const CheckpointTensor *tensor)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)tensor->data, last = first + (uintptr_t)tensor->bytes;
    for (size_t i = 0; i < checkpoint->file_count; i++) {
        uintptr_t start = (uintptr_t)checkpoint->files[i].bytes;
        if (first < start || last > start + (uintptr_t)checkpoint->files[i].size) continue;
        /* whole pages only, the rest is the neighbours'; a page that is asked for after all is read
         * from the file again, which is not so for memory of our own */
        first = (first + page - 1) / page * page;
        last = last / page * page;
        if (first < last) (void)madvise((void *)first, last - first, MADV_DONTNEED);
        return;
    }
}

static bool hash_file(Sha256 *hash, const MappedFile *file, char *buffer, Err *err)
{
    int64_t at = 0;
    while (at < file->size) {
        ssize_t n = pread(file->fd, buffer, HASH_READ_BYTES, at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return mel_err_errno(err, "cannot read '%s'", file->path);
        if (n == 0) break;
        mel_sha256_add(hash, buffer, (size_t)n);
        at += n;
    }
    return mel_mapped_unchanged(file, err);
}

bool mel_checkpoint_sha256(const Checkpoint *checkpoint, char hex[SHA256_HEX_SIZE], Err *err)
{
    Sha256 *hash = mel_sha256_new();
    char *buffer = mel_alloc(HASH_READ_BYTES);
    bool ok = true;
    for (size_t i = 0; ok && i < checkpoint->file_count; i++)
        ok = hash_file(hash, &checkpoint->files[i], buffer, err);
    if (ok)
        mel_sha256_finish(hash, hex);
    else
        mel_sha256_free(hash);
    free(buffer);
    return ok;
}
