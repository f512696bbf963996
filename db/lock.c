/* SPDX-License-Identifier: Apache-2.0
 *
 * The writers' queue. Record locks alone let whoever is awake go first: an importer that writes
 * without a pause kept people out for seconds. So a writer draws a number from the lock file, locks
 * the byte of its number, and waits until nobody holds a lower one. The kernel frees the bytes of a
 * process that died, waiting or writing, and the next in line goes on. */
#include "db/db_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Byte 0 guards the counter, which the file's first eight bytes hold; numbers start behind them. */
enum { COUNTER_BYTE = 0, FIRST_NUMBER = 16 };

static bool lock_bytes(const Db *db, int type, int64_t start, int64_t length, Err *err)
{
    struct flock lock = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    while (fcntl(db->lock_fd, F_OFD_SETLKW, &lock) != 0) {
        if (errno != EINTR) return mel_err_errno(err, "cannot lock the store");
        if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
    }
    return true;
}

static void unlock_bytes(const Db *db, int64_t start, int64_t length)
{
    struct flock lock = {
        .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    fcntl(db->lock_fd, F_OFD_SETLK, &lock);
}

/* With the counter locked. */
static bool draw_number(Db *db, int64_t *number, Err *err)
{
    int64_t last = 0;
    ssize_t n = pread(db->lock_fd, &last, sizeof last, 0);
    if (n < 0) return mel_err_errno(err, "cannot read the store's lock file");
    if (n < (ssize_t)sizeof last || last < FIRST_NUMBER || last > INT64_MAX / 2)
        last = FIRST_NUMBER;
    *number = last + 1;
    if (pwrite(db->lock_fd, number, sizeof *number, 0) != (ssize_t)sizeof *number)
        return mel_err_errno(err, "cannot write the store's lock file");
    return lock_bytes(db, F_WRLCK, *number, 1, err);
}

bool db_lock(Db *db, Err *err)
{
    MEL_ASSERT(!db->locked);
    int64_t number;
    if (!lock_bytes(db, F_WRLCK, COUNTER_BYTE, 1, err)) return false;
    bool ok = draw_number(db, &number, err);
    unlock_bytes(db, COUNTER_BYTE, 1);
    if (ok) ok = lock_bytes(db, F_RDLCK, FIRST_NUMBER, number - FIRST_NUMBER, err);
    db->locked = ok;
    if (!ok) db_unlock(db);
    return ok;
}

void db_unlock(Db *db)
{
    unlock_bytes(db, FIRST_NUMBER, 0);
    db->locked = false;
}
