/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/import.h"

#include "curator/failure.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_PER_TRANSACTION = 1000, CLIPS_PER_FILE_MAX = 10000 };

typedef struct Importer {
    Db *db;
    const char *path;
    const ImportOptions *options;
    ImportReport *report;
    ImportBadFn *on_bad;
    void *bad_ctx;
    const Progress *progress;
    int64_t clip_us;
    int64_t in_transaction;
    bool open;
} Importer;

static const char *const kind_names[] = {
    [SOURCE_YOUTUBE] = "youtube", [SOURCE_URL] = "url", [SOURCE_FILE] = "file"};

static bool flush(Importer *im, bool ok, Err *err)
{
    if (!im->open) return ok;
    im->open = false;
    im->in_transaction = 0;
    return mel_db_end(im->db, ok, err);
}

static bool ensure_open(Importer *im, Err *err)
{
    if (im->in_transaction >= ROWS_PER_TRANSACTION && !flush(im, true, err)) return false;
    if (mel_interrupted()) return mel_err(err, ERR_CANCELLED, "interrupted");
    if (!im->open) {
        if (!mel_db_begin(im->db, err)) return false;
        im->open = true;
    }
    im->in_transaction++;
    return true;
}

static void tick(const Importer *im)
{
    const ImportReport *r = im->report;
    mel_progress(im->progress,
                 &(ProgressTick){.what = "import", .done = r->rows, .failed = r->bad});
}

static bool take_bad(void *ctx, const ListBadRow *bad, Err *err)
{
    Importer *im = ctx;
    im->report->bad++;
    if (im->on_bad) im->on_bad(im->bad_ctx, im->path, bad);
    return ensure_open(im, err) && mel_bad_row_put(im->db, im->path, bad->line, bad->reason,
                                                   bad->message, bad->text ? bad->text : "", err);
}

/* An id that depends on what is said, so that importing the same list twice says it once. */
static void annotation_id(const char *clip_id, const char *annotator, const ListRow *row,
                          char id[ULID_SIZE])
{
    char hex[SHA256_HEX_SIZE];
    Str said = {0};
    mel_str_addf(&said, "%s\n%s\n%s", clip_id, annotator, row->caption);
    for (size_t i = 0; i < row->label_count; i++)
        mel_str_addf(&said, "\n%s=%s", row->labels[i].scheme, row->labels[i].value);
    mel_sha256_hex(said.text, said.length, hex);
    snprintf(id, ULID_SIZE, "I%.25s", hex);
    mel_str_clear(&said);
}

/* Labels that name a vocabulary term answer that field; all stay labels as well. */
static bool label_term(Importer *im, const char *field, const char *value, char id[64])
{
    Err ignored = {0};
    return mel_vocabulary_id(im->db, field, value, id, &ignored);
}

static void apply_label(Importer *im, const ListLabel *label, Annotation *a, AnnotationTerm *terms,
                        Arena *arena)
{
    char id[64];
    const char *scheme = label->scheme;
    if (mel_equal(scheme, "genre") && label_term(im, "genre", label->value, id))
        a->genre = mel_arena_strdup(arena, id);
    else if (mel_equal(scheme, "tempo") && label_term(im, "tempo", label->value, id))
        a->tempo = mel_arena_strdup(arena, id);
    else if (mel_equal(scheme, "tempo_bpm") || mel_equal(scheme, "bpm"))
        (void)(mel_parse_f64(label->value, &a->bpm) && a->bpm > 0);
    else if (mel_equal(scheme, "mood") && label_term(im, "mood", label->value, id))
        terms[a->term_count++] =
            (AnnotationTerm){.field = "mood", .term = mel_arena_strdup(arena, id)};
    else if (mel_equal(scheme, "aspect"))
        terms[a->term_count++] = (AnnotationTerm){.field = "aspect", .term = label->value};
}

static bool import_caption(Importer *im, const char *clip_id, const ListRow *row, Err *err)
{
    Arena arena = {0};
    char id[ULID_SIZE];
    Annotation a;
    const char *author = row->author && mel_name_valid(row->author) ? row->author : "list";
    AnnotationTerm *terms = mel_alloc((row->label_count + 1) * sizeof *terms);
    mel_annotation_init(&a);
    annotation_id(clip_id, author, row, id);
    a.id = id;
    a.clip_id = clip_id;
    a.annotator_id = author;
    a.state = "submitted";
    a.origin = "import";
    a.text = row->caption;
    a.terms = terms;
    for (size_t i = 0; i < row->label_count; i++)
        apply_label(im, &row->labels[i], &a, terms, &arena);
    if (!(a.bpm > 0)) a.bpm = NAN;
    bool ok = mel_annotator_put(im->db, author, "import", NULL, err) &&
              mel_annotation_save(im->db, &a, NULL, NULL, err);
    if (ok) im->report->annotations++;
    free(terms);
    mel_arena_clear(&arena);
    return ok;
}

static bool import_clip(Importer *im, const ListRow *row, int64_t start_us, int64_t end_us,
                        Err *err)
{
    char clip_id[CLIP_ID_SIZE];
    bool added;
    if (!mel_clip_put(im->db, row->source_id, start_us, end_us, row->published_split, clip_id,
                      &added, err))
        return false;
    if (added)
        im->report->clips_added++;
    else
        im->report->clips_known++;
    for (size_t i = 0; i < row->label_count; i++)
        if (!mel_clip_label(im->db, clip_id, row->labels[i].scheme, row->labels[i].value, err))
            return false;
    return !row->caption || !*row->caption || import_caption(im, clip_id, row, err);
}

static bool reject(Importer *im, const ListRow *row, const char *reason, const char *message,
                   Err *err)
{
    ListBadRow bad = {
        .line = row->line, .reason = reason, .message = message, .text = row->locator};
    return take_bad(im, &bad, err);
}

/* How long a media file is, asked in the jail. -1: the reason is in err. */
static int64_t probe_duration(Importer *im, const char *path, Err *err)
{
    ProbeResult probe;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        mel_err_errno(err, "cannot open '%s'", path);
        return -1;
    }
    bool ok = mel_jail_probe(im->options->jail, fd, &probe, err);
    close(fd);
    if (!ok) return -1;
    if (probe.duration_us < im->clip_us) {
        mel_err_reason(err, ERR_MEDIA, "media.past_end", "it is shorter than a clip");
        return -1;
    }
    return probe.duration_us;
}

/* A media file that comes without a span: one clip from its middle, or one every so often. */
static bool import_spanless(Importer *im, const ListRow *row, Err *err)
{
    Err probe_err = {0};
    if (row->kind != SOURCE_FILE || !im->options->jail)
        return reject(im, row, "list.bad_span", "the row gives no start", err);
    int64_t duration_us = probe_duration(im, row->locator, &probe_err);
    if (duration_us < 0)
        return reject(im, row, mel_failure_reason(&probe_err), probe_err.message, err);
    int64_t every_us = (int64_t)llround(im->options->every_s * 1e6);
    if (every_us <= 0) {
        int64_t start_us = (duration_us - im->clip_us) / 2 / 1000 * 1000;
        return import_clip(im, row, start_us, start_us + im->clip_us, err);
    }
    int count = 0;
    for (int64_t at = 0; at + im->clip_us <= duration_us && count < CLIPS_PER_FILE_MAX;
         at += every_us, count++)
        if (!import_clip(im, row, at, at + im->clip_us, err)) return false;
    return true;
}

static bool take_row(void *ctx, const ListRow *row, Err *err)
{
    Importer *im = ctx;
    Source source = {.id = row->source_id,
                     .kind = kind_names[row->kind],
                     .locator = row->locator,
                     .title = row->title,
                     .channel = row->channel,
                     .license = row->license,
                     .metadata_json = row->extra_json,
                     .duration_us = -1};
    bool added = false;
    if (!ensure_open(im, err)) return false;
    im->report->rows++;
    tick(im);
    if (!mel_source_put(im->db, &source, &added, err)) {
        if (err->code != ERR_DENIED) return false;
        Err taken = *err;
        mel_err_clear(err);
        return reject(im, row, taken.reason, taken.message, err);
    }
    im->report->sources_added += added;
    if (row->start_us < 0) return import_spanless(im, row, err);
    return import_clip(im, row, row->start_us, row->end_us, err);
}

bool mel_import(Db *db, const char *path, const ImportOptions *options, ImportBadFn *on_bad,
                void *ctx, const Progress *progress, ImportReport *report, Err *err)
{
    ImportReport counts = {0};
    double clip_s = options->clip_s > 0 ? options->clip_s : 10;
    Importer im = {.db = db,
                   .path = path,
                   .options = options,
                   .report = &counts,
                   .on_bad = on_bad,
                   .bad_ctx = ctx,
                   .progress = progress,
                   .clip_us = (int64_t)llround(clip_s * 1e6)};
    ListReader reader = {
        .row = take_row, .bad = take_bad, .ctx = &im, .default_duration_s = clip_s};
    bool ok = mel_list_read(path, options->format, &reader, &counts.format, err);
    if (ok && (counts.clips_added || counts.sources_added))
        ok = ensure_open(&im, err) &&
             mel_import_record(db, path, mel_list_format_name(counts.format), counts.rows,
                               counts.clips_added, counts.bad, err);
    /* What was read before an interruption stays: the next import adds the rest. */
    bool keep = ok || err->code == ERR_CANCELLED || err->code == ERR_FORMAT;
    Err end_err = {0};
    if (!flush(&im, keep, ok ? err : &end_err)) ok = false;
    *report = counts;
    return ok;
}
