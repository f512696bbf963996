/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

char *mel_path_join(const char *folder, const char *name)
{
    if (!*folder) return mel_strdup(name);
    return mel_asprintf("%s%s%s", folder, mel_ends_with(folder, "/") ? "" : "/", name);
}

const char *mel_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *mel_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return mel_strdup(".");
    if (slash == path) return mel_strdup("/");
    return mel_strndup(path, (size_t)(slash - path));
}

const char *mel_path_extension(const char *path)
{
    const char *base = mel_path_base(path);
    const char *dot = strrchr(base, '.');
    return dot && dot != base ? dot + 1 : "";
}

bool mel_path_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool mel_path_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool mel_make_dirs(const char *path, Err *err)
{
    char *copy = mel_strdup(path);
    bool ok = true;
    for (char *p = copy + 1; ok && *copy; p++) {
        if (*p != '/' && *p != '\0') continue;
        char saved = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            ok = mel_err_errno(err, "cannot make folder '%s'", copy);
        *p = saved;
        if (saved == '\0') break;
    }
    if (ok && !mel_path_is_dir(path)) ok = mel_err(err, ERR_IO, "'%s' is not a folder", path);
    free(copy);
    return ok;
}

bool mel_fsync_dir(const char *path, Err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return mel_err_errno(err, "cannot open folder '%s'", path);
    bool ok = fsync(fd) == 0 || mel_err_errno(err, "cannot flush folder '%s'", path);
    close(fd);
    return ok;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

bool mel_remove_tree(const char *path, Err *err)
{
    if (!mel_path_exists(path)) return true;
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return mel_err_errno(err, "cannot remove '%s'", path);
    return true;
}

bool mel_write_fd(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n) {
        ssize_t written = write(fd, p, n);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        p += written;
        n -= (size_t)written;
    }
    return true;
}

int64_t mel_read_fd(int fd, void *bytes, size_t n)
{
    char *p = bytes;
    size_t got = 0;
    while (got < n) {
        ssize_t part = read(fd, p + got, n - got);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return -1;
        if (part == 0) break;
        got += (size_t)part;
    }
    return (int64_t)got;
}

bool mel_read_file(const char *path, size_t limit_bytes, char **bytes_out, size_t *n_out, Err *err)
{
    bool ok = false;
    char *bytes = NULL;
    struct stat st;
    int64_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
    if (fd < 0 || fstat(fd, &st) != 0) {
        mel_err_errno(err, "cannot open '%s'", path);
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        mel_err(err, ERR_IO, "'%s' is not a regular file", path);
        goto out;
    }
    if ((uint64_t)st.st_size > limit_bytes) {
        mel_err(err, ERR_LIMIT, "'%s' has %lld bytes, the limit is %zu", path,
                (long long)st.st_size, limit_bytes);
        goto out;
    }
    bytes = mel_try_alloc((size_t)st.st_size + 1, 1, SIZE_MAX, path, err);
    if (!bytes) goto out;
    n = mel_read_fd(fd, bytes, (size_t)st.st_size);
    if (n < 0) {
        mel_err_errno(err, "cannot read '%s'", path);
        goto out;
    }
    bytes[n] = '\0';
    *bytes_out = bytes;
    if (n_out) *n_out = (size_t)n;
    bytes = NULL;
    ok = true;
out:
    free(bytes);
    if (fd >= 0) close(fd);
    return ok;
}

bool mel_write_file(const char *path, const void *bytes, size_t n, Err *err)
{
    FileWriter writer = {0};
    if (!mel_writer_begin(&writer, path, err)) return false;
    if (n && fwrite(bytes, 1, n, writer.file) != n) {
        mel_err_errno(err, "cannot write '%s'", path);
        mel_writer_abort(&writer);
        return false;
    }
    return mel_writer_commit(&writer, err);
}

/* A new file beside `path`, with the rights that the umask leaves. (mkstemp would need the umask,
 * which cannot be asked for without changing it under other threads.) */
static int create_beside(const char *path, char **name_out)
{
    for (;;) {
        uint32_t tag;
        MEL_ASSERT(getrandom(&tag, sizeof tag, 0) == sizeof tag);
        char *name = mel_asprintf("%s.%08x.tmp", path, tag);
        int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            *name_out = name;
            return fd;
        }
        free(name);
        if (errno != EEXIST) return -1;
    }
}

bool mel_writer_begin(FileWriter *writer, const char *path, Err *err)
{
    char *temporary = NULL;
    int fd = create_beside(path, &temporary);
    if (fd < 0) return mel_err_errno(err, "cannot write beside '%s'", path);
    *writer =
        (FileWriter){.file = fdopen(fd, "w+b"), .path = mel_strdup(path), .temporary = temporary};
    MEL_ASSERT(writer->file);
    return true;
}

static void writer_free(FileWriter *writer)
{
    free(writer->path);
    free(writer->temporary);
    *writer = (FileWriter){0};
}

bool mel_writer_commit(FileWriter *writer, Err *err)
{
    char *folder = mel_path_dir(writer->path);
    bool ok =
        !ferror(writer->file) && fflush(writer->file) == 0 && fsync(fileno(writer->file)) == 0;
    ok = (fclose(writer->file) == 0) && ok;
    if (!ok) mel_err_errno(err, "cannot write '%s'", writer->path);
    if (ok && rename(writer->temporary, writer->path) != 0)
        ok = mel_err_errno(err, "cannot name '%s'", writer->path);
    if (!ok) unlink(writer->temporary);
    if (ok) ok = mel_fsync_dir(folder, err);
    free(folder);
    writer_free(writer);
    return ok;
}

void mel_writer_abort(FileWriter *writer)
{
    if (!writer->file) return;
    fclose(writer->file);
    unlink(writer->temporary);
    writer_free(writer);
}

const char *mel_network_fs(const char *path)
{
    static const struct {
        unsigned long magic;
        const char *name;
    } kinds[] = {
        {NFS_SUPER_MAGIC,  "nfs"   },
        {SMB_SUPER_MAGIC,  "smb"   },
        {CIFS_SUPER_MAGIC, "cifs"  },
        {SMB2_SUPER_MAGIC, "smb"   },
        {CODA_SUPER_MAGIC, "coda"  },
        {AFS_SUPER_MAGIC,  "afs"   },
        {V9FS_MAGIC,       "9p"    },
        {FUSE_SUPER_MAGIC, "fuse"  },
        {CEPH_SUPER_MAGIC, "ceph"  },
        {0x0BD00BD0,       "lustre"},
        {0x47504653,       "gpfs"  },
    };
    struct statfs fs;
    if (statfs(path, &fs) != 0) return NULL;
    for (size_t i = 0; i < MEL_COUNT(kinds); i++)
        if ((unsigned long)(uint32_t)fs.f_type == kinds[i].magic) return kinds[i].name;
    return NULL;
}

typedef struct WalkEntry {
    char *relative; /* folders with a '/' behind, so that they sort as their contents do */
    bool folder;
} WalkEntry;

typedef struct WalkList {
    WalkEntry *entries;
    size_t count, capacity;
} WalkList;

/* Byte order, whatever the locale says. */
static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const WalkEntry *)a)->relative, ((const WalkEntry *)b)->relative);
}

/* Adds a file or folder; links and devices are passed over, and so is what has just gone. */
static bool add_entry(WalkList *list, const char *root, const char *below, const char *name,
                      Err *err)
{
    bool ok = true;
    struct stat st;
    char *relative = mel_path_join(below, name);
    char *path = mel_path_join(root, relative);
    if (lstat(path, &st) != 0) {
        ok = errno == ENOENT || mel_err_errno(err, "cannot look at '%s'", path);
    } else if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)) {
        bool folder = S_ISDIR(st.st_mode);
        mel_grow(&list->entries, &list->capacity, list->count + 1, sizeof *list->entries);
        list->entries[list->count++] = (WalkEntry){
            .relative = mel_asprintf("%s%s", relative, folder ? "/" : ""), .folder = folder};
    }
    free(path);
    free(relative);
    return ok;
}

static bool list_folder(const char *root, const char *below, WalkList *list, Err *err)
{
    bool ok = true;
    char *folder = mel_path_join(root, below);
    DIR *stream = opendir(folder);
    if (!stream) ok = mel_err_errno(err, "cannot list folder '%s'", folder);
    while (ok) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            ok = errno == 0 || mel_err_errno(err, "cannot list folder '%s'", folder);
            break;
        }
        if (!mel_equal(entry->d_name, ".") && !mel_equal(entry->d_name, ".."))
            ok = add_entry(list, root, below, entry->d_name, err);
    }
    if (stream) closedir(stream);
    free(folder);
    return ok;
}

static bool walk_folder(const char *root, const char *below, WalkFn *fn, void *ctx, Err *err)
{
    WalkList list = {0};
    bool ok = list_folder(root, below, &list, err);
    if (ok && list.count) qsort(list.entries, list.count, sizeof *list.entries, compare_entries);
    for (size_t i = 0; i < list.count; i++) {
        const WalkEntry *entry = &list.entries[i];
        if (ok && entry->folder)
            ok = walk_folder(root, entry->relative, fn, ctx, err);
        else if (ok)
            ok = fn(ctx, entry->relative, err);
        free(entry->relative);
    }
    free(list.entries);
    return ok;
}

bool mel_walk(const char *folder, WalkFn *fn, void *ctx, Err *err)
{
    return walk_folder(folder, "", fn, ctx, err);
}
