/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/packet.h"

#include "curator/packet_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_CHUNK = 1 << 17, MANIFEST_FORMAT = 1, MANIFEST_BYTES_MAX = 64 << 20 };

typedef struct Packing {
    Db *db, *packet;
    const PackOptions *options;
    const Progress *progress;
    char *folder; /* where it is put together */
    json_t *media;
    int64_t total; /* files */
    PackReport report;
} Packing;

/* ---- media ----------------------------------------------------------------------------------- */

/* Copies and hashes in one go. */
static bool copy_bytes(FILE *from, FILE *to, char hex[SHA256_HEX_SIZE], int64_t *size)
{
    Sha256 *hash = mel_sha256_new();
    char *chunk = mel_alloc(COPY_CHUNK);
    bool ok = true;
    size_t n;
    *size = 0;
    while (ok && (n = fread(chunk, 1, COPY_CHUNK, from)) > 0) {
        mel_sha256_add(hash, chunk, n);
        *size += (int64_t)n;
        ok = fwrite(chunk, 1, n, to) == n;
    }
    mel_sha256_finish(hash, hex);
    free(chunk);
    return ok && !ferror(from);
}

static bool copy_checked(const char *from, const char *to, const MediaRow *row, Err *err)
{
    bool ok = false;
    char hex[SHA256_HEX_SIZE], *folder = mel_path_dir(to);
    int64_t size;
    FileWriter writer = {0};
    FILE *file = fopen(from, "re");
    if (!file) {
        mel_err_errno(err, "cannot read '%s'", from);
        goto out;
    }
    if (!mel_make_dirs(folder, err) || !mel_writer_begin(&writer, to, err)) goto out;
    if (!copy_bytes(file, writer.file, hex, &size)) {
        mel_err_errno(err, "cannot copy '%s'", from);
        goto out;
    }
    if (size != row->size_bytes || !mel_equal(hex, row->sha256)) {
        mel_err(err, ERR_FORMAT, "'%s' is not the file that was cut: its hash differs", from);
        mel_err_hint(err, "'mel verify --repair' sends damaged clips back to be fetched again");
        goto out;
    }
    ok = mel_writer_commit(&writer, err);
out:
    mel_writer_abort(&writer);
    if (file) fclose(file);
    free(folder);
    return ok;
}

static bool pack_file(void *ctx, const MediaRow *row, Err *err)
{
    Packing *p = ctx;
    if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
    char *from = mel_db_path(p->db, row->path), *to = mel_path_join(p->folder, row->path);
    bool ok = p->options->without_media || copy_checked(from, to, row, err);
    free(from);
    free(to);
    if (!ok) return false;
    json_t *file = json_object();
    mel_json_set_text(file, "path", row->path);
    mel_json_set_text(file, "sha256", row->sha256);
    mel_json_set_i64(file, "size_bytes", row->size_bytes);
    json_array_append_new(p->media, file);
    if (p->options->without_media) return true;
    p->report.files++;
    p->report.bytes += row->size_bytes;
    mel_progress(p->progress, &(ProgressTick){.what = "pack",
                                              .done = p->report.files,
                                              .total = p->total,
                                              .note = row->clip_id});
    return true;
}

static bool count_file(void *ctx, const MediaRow *row, Err *err)
{
    (void)row, (void)err;
    ++*(int64_t *)ctx;
    return true;
}

/* ---- packing --------------------------------------------------------------------------------- */

static bool write_manifest(Packing *p, char sha256[SHA256_HEX_SIZE], Err *err)
{
    char now[UTC_SIZE];
    mel_utc_now(now);
    json_t *manifest = json_object();
    mel_json_set_i64(manifest, "format", MANIFEST_FORMAT);
    mel_json_set_text(manifest, "packet", p->report.label.id);
    mel_json_set_text(manifest, "origin", p->report.label.origin);
    mel_json_set_text(manifest, "annotator", p->report.label.annotator_id);
    mel_json_set_text(manifest, "created_at", now);
    mel_json_set_i64(manifest, "schema", mel_db_schema_version());
    mel_json_set_i64(manifest, "clips", p->report.contents.clips);
    json_object_set(manifest, "media", p->media);
    char *text = mel_json_line(manifest), *path = mel_path_join(p->folder, PACKET_MANIFEST);
    mel_sha256_hex(text, strlen(text), sha256);
    bool ok = mel_write_file(path, text, strlen(text), err);
    free(path);
    free(text);
    json_decref(manifest);
    return ok;
}

/* The whole packet as a folder. */
static bool fill_folder(Packing *p, Err *err)
{
    char sha256[SHA256_HEX_SIZE];
    PackReport *r = &p->report;
    if (!mel_db_create(p->folder, err) || !mel_db_open(p->folder, DB_WRITE, &p->packet, err) ||
        !mel_packet_fill(p->db, p->packet, &r->label, p->options->batch, &r->contents, err) ||
        !mel_media_each(p->packet, NULL, count_file, &p->total, err) ||
        !mel_media_each(p->packet, NULL, pack_file, p, err) || !write_manifest(p, sha256, err))
        return false;
    return mel_packet_record(p->db, &r->label, r->contents.clips, sha256, err);
}

/* A copy of the store in one file, without a journal. */
static bool write_store(Db *packet, const char *folder, Err *err)
{
    char *path = mel_path_join(folder, "mel.db");
    bool ok = mel_db_backup(packet, path, err);
    free(path);
    return ok;
}

static bool finish_folder(Packing *p, Err *err)
{
    const char *path = p->options->path;
    char *above = mel_path_dir(path);
    mel_db_close(p->packet);
    p->packet = NULL;
    bool ok = rename(p->folder, path) == 0 || mel_err_errno(err, "cannot make '%s'", path);
    ok = ok && mel_fsync_dir(above, err);
    free(above);
    return ok;
}

/* The store is packed from a copy beside: nothing of its journal is then needed. */
static bool finish_tar(Packing *p, Err *err)
{
    char *store = mel_path_join(p->folder, "mel.db"), *copy = mel_asprintf("%s.copy", store);
    bool ok = mel_db_backup(p->packet, copy, err);
    mel_db_close(p->packet);
    p->packet = NULL;
    ok = ok && (rename(copy, store) == 0 || mel_err_errno(err, "cannot write '%s'", store)) &&
         mel_packet_tar(p->folder, p->options->path, err);
    free(copy);
    free(store);
    return ok;
}

static bool begin(Packing *p, Err *err)
{
    const char *path = p->options->path;
    if (mel_path_exists(path)) {
        mel_err(err, ERR_EXISTS, "'%s' is there already", path);
        return mel_err_hint(err, "a packet gets a new name");
    }
    if (!mel_name_valid(p->options->annotator))
        return mel_err(err, ERR_USAGE, "'%s' is not a name for an annotator",
                       p->options->annotator);
    mel_ulid(p->report.label.id);
    snprintf(p->report.label.annotator_id, sizeof p->report.label.annotator_id, "%s",
             p->options->annotator);
    p->folder = mel_asprintf("%s.partial-%s", path, p->report.label.id);
    p->media = json_array();
    return mel_dataset_id(p->db, p->report.label.origin, err);
}

bool mel_pack(Db *db, const PackOptions *options, const Progress *progress, PackReport *report,
              Err *err)
{
    Packing p = {.db = db, .options = options, .progress = progress};
    bool ok = begin(&p, err) && fill_folder(&p, err);
    if (ok)
        ok = mel_ends_with(options->path, ".tar") ? finish_tar(&p, err) : finish_folder(&p, err);
    mel_db_close(p.packet);
    Err ignored = {0};
    if (p.folder && !mel_remove_tree(p.folder, &ignored)) mel_log_warn("%s", ignored.message);
    free(p.folder);
    json_decref(p.media);
    if (ok) *report = p.report;
    return ok;
}

/* ---- answers on their way back -----------------------------------------------------------------
 */

static bool write_answers(Db *packet, const char *folder, const char *path, Err *err)
{
    bool ok = false;
    char hex[SHA256_HEX_SIZE], line[SHA256_HEX_SIZE + 16], *manifest = NULL;
    size_t n;
    char *from = mel_db_path(packet, PACKET_MANIFEST), *to = mel_path_join(folder, PACKET_MANIFEST);
    char *store = mel_path_join(folder, "mel.db"), *sum = mel_path_join(folder, PACKET_CHECKSUM);
    if (!mel_make_dirs(folder, err) || !write_store(packet, folder, err) ||
        !mel_read_file(from, MANIFEST_BYTES_MAX, &manifest, &n, err) ||
        !mel_write_file(to, manifest, n, err) || !mel_sha256_file(store, hex, NULL, err))
        goto out;
    snprintf(line, sizeof line, "%s  mel.db\n", hex); /* as sha256sum -c reads it */
    ok = mel_write_file(sum, line, strlen(line), err) && mel_packet_tar(folder, path, err);
out:
    free(manifest);
    free(from);
    free(to);
    free(store);
    free(sum);
    return ok;
}

bool mel_pack_answers(Db *packet, const char *path, PackReport *report, Err *err)
{
    PackReport made = {0};
    bool found;
    if (!mel_packet_label(packet, &made.label, &found, err)) return false;
    if (!found) {
        mel_err(err, ERR_FORMAT, "'%s' is a dataset, but no packet", mel_db_folder(packet));
        return mel_err_hint(err, "--annotator NAME makes a packet of it");
    }
    if (!mel_ends_with(path, ".tar"))
        return mel_err(err, ERR_USAGE, "answers go back in one file: '%s.tar'", path);
    if (mel_path_exists(path)) return mel_err(err, ERR_EXISTS, "'%s' is there already", path);
    if (!mel_packet_contents(packet, &made.contents, err)) return false;
    char *folder = mel_asprintf("%s.partial", path);
    Err ignored = {0};
    bool ok = mel_remove_tree(folder, err) && write_answers(packet, folder, path, err);
    if (!mel_remove_tree(folder, &ignored)) mel_log_warn("%s", ignored.message);
    free(folder);
    if (ok) *report = made;
    return ok;
}

/* ---- merging --------------------------------------------------------------------------------- */

static bool read_manifest(const char *folder, char sha256[SHA256_HEX_SIZE], Err *err)
{
    char *path = mel_path_join(folder, PACKET_MANIFEST), *text = NULL;
    size_t n;
    bool ok = mel_path_exists(path) || mel_err(err, ERR_FORMAT, "it has no %s", PACKET_MANIFEST);
    ok = ok && mel_read_file(path, MANIFEST_BYTES_MAX, &text, &n, err);
    if (ok) {
        json_t *manifest = mel_json_parse(text, n, PACKET_MANIFEST, err);
        int64_t format = manifest ? mel_json_i64(manifest, "format", 0) : 0;
        mel_sha256_hex(text, n, sha256);
        json_decref(manifest);
        ok = format == MANIFEST_FORMAT ||
             mel_err(err, ERR_FORMAT, "its packets' format is %lld, this Melkit knows %d",
                     (long long)format, MANIFEST_FORMAT);
    }
    free(text);
    free(path);
    return ok;
}

static bool check_sum(const char *folder, Err *err)
{
    char *sum = mel_path_join(folder, PACKET_CHECKSUM), *store = mel_path_join(folder, "mel.db");
    char hex[SHA256_HEX_SIZE], *text = NULL;
    size_t n;
    bool ok = true;
    if (mel_path_exists(sum)) {
        ok = mel_read_file(sum, 4096, &text, &n, err) && mel_sha256_file(store, hex, NULL, err);
        if (ok && !mel_starts_with(text, hex)) {
            ok = mel_err(err, ERR_FORMAT, "it is damaged: the hash of its store differs");
            mel_err_hint(err, "copy it again from where the answers were given");
        }
    }
    free(text);
    free(store);
    free(sum);
    return ok;
}

static bool merge_folder(Db *db, const char *folder, PacketRefusedFn *refused, void *ctx,
                         PacketMerge *report, Err *err)
{
    char sha256[SHA256_HEX_SIZE];
    Db *packet = NULL;
    bool ok = read_manifest(folder, sha256, err) && check_sum(folder, err) &&
              mel_db_open(folder, DB_LOOK, &packet, err) &&
              mel_packet_merge(db, packet, sha256, refused, ctx, report, err);
    mel_db_close(packet);
    return ok;
}

static bool merge_tar(Db *db, const char *path, PacketRefusedFn *refused, void *ctx,
                      PacketMerge *report, Err *err)
{
    char id[ULID_SIZE];
    mel_ulid(id);
    char *folder = mel_asprintf("%s/.merge-%s", mel_db_folder(db), id);
    bool ok = mel_make_dirs(folder, err) && mel_packet_untar(path, folder, err) &&
              merge_folder(db, folder, refused, ctx, report, err);
    Err ignored = {0};
    if (!mel_remove_tree(folder, &ignored)) mel_log_warn("%s", ignored.message);
    free(folder);
    return ok;
}

bool mel_merge(Db *db, const char *path, PacketRefusedFn *refused, void *ctx, PacketMerge *report,
               Err *err)
{
    bool ok;
    if (!mel_path_exists(path)) return mel_err(err, ERR_NOT_FOUND, "there is no packet '%s'", path);
    if (mel_path_is_dir(path))
        ok = merge_folder(db, path, refused, ctx, report, err);
    else
        ok = merge_tar(db, path, refused, ctx, report, err);
    return ok || mel_err_wrap(err, "cannot merge '%s'", path);
}

/* ---- to work in ------------------------------------------------------------------------------ */

static bool packet_id(const char *folder, char id[ULID_SIZE], Err *err)
{
    Db *packet = NULL;
    bool found = false;
    PacketLabel label;
    bool ok =
        mel_db_open(folder, DB_LOOK, &packet, err) && mel_packet_label(packet, &label, &found, err);
    mel_db_close(packet);
    if (ok && !found) ok = mel_err(err, ERR_FORMAT, "it holds a dataset, but no packet");
    if (ok) memcpy(id, label.id, ULID_SIZE);
    return ok;
}

bool mel_packet_unpack(const char *path, const char *parent, char **folder_out, Err *err)
{
    char id[ULID_SIZE];
    mel_ulid(id);
    char *fresh = mel_asprintf("%s/.unpack-%s", parent, id), *folder = NULL;
    Err ignored = {0};
    bool ok = mel_make_dirs(fresh, err) && mel_packet_untar_whole(path, fresh, err) &&
              packet_id(fresh, id, err);
    if (ok) {
        folder = mel_asprintf("%s/packet-%s", parent, id);
        ok = mel_path_is_dir(folder) || rename(fresh, folder) == 0 ||
             mel_err_errno(err, "cannot make '%s'", folder);
    }
    if (!mel_remove_tree(fresh, &ignored)) mel_log_warn("%s", ignored.message);
    free(fresh);
    if (ok)
        *folder_out = folder;
    else
        free(folder);
    return ok || mel_err_wrap(err, "cannot unpack '%s'", path);
}
