/* SPDX-License-Identifier: Apache-2.0
 *
 * A small dataset for the tests of duplicates, splits and exports: clips with real FLAC and JPEG
 * files, fingerprints and settled answers, made through the store's own interface. */
#ifndef MEL_TESTS_SMALL_STORE_H
#define MEL_TESTS_SMALL_STORE_H

#include "curator/dedup.h"
#include "db/db.h"
#include "tests/support/test.h"

#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

typedef struct SmallClip {
    const char *source;
    int64_t start_us;
    const char *kind, *locator; /* NULL: "youtube" and 11 letters of the source */
    const char *channel, *license, *published;
    const char *genre, *text;   /* NULL: made from the number */
    const char *annotator;      /* NULL: "alice" */
    const char *annotator_kind; /* NULL: "person" */
    const char *aspects[4], *labels[4];
    uint64_t picture_hash; /* 0: made from the number */
    uint32_t sound;        /* clips of the same sound have the same landmarks; 0: the number */
    bool unsettled, without_files;
    int number; /* varies what is not given */
} SmallClip;

static inline void small_flac(const char *path, int number)
{
    enum { SAMPLES = 4000, RATE = 16000 };
    short samples[SAMPLES];
    SF_INFO info = {.samplerate = RATE, .channels = 1, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    for (int i = 0; i < SAMPLES; i++)
        samples[i] = (short)(8000 * sin(2 * M_PI * (200 + 7 * number) * i / RATE));
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    assert_int_equal(sf_write_short(file, samples, SAMPLES), SAMPLES);
    assert_int_equal(sf_close(file), 0);
}

static inline void small_jpeg(const char *path, int number)
{
    enum { SIDE = 32 };
    unsigned char pixels[SIDE * SIDE * 3], *bytes = NULL;
    unsigned long n = 0;
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        pixels[i] = (unsigned char)(i * (number + 3));
    tjhandle handle = tjInitCompress();
    assert_int_equal(
        tjCompress2(handle, pixels, SIDE, 0, SIDE, TJPF_RGB, &bytes, &n, TJSAMP_420, 90, 0), 0);
    FILE *file = fopen(path, "wb"); /* test_write would wait for the disk, file by file */
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    tjFree(bytes);
    tjDestroy(handle);
}

static inline Db *small_store(const char *folder)
{
    Err err = {0};
    Db *db = NULL;
    CHECK_OK(mel_db_create(folder, &err));
    CHECK_OK(mel_db_open(folder, DB_WRITE, &db, &err));
    return db;
}

static inline void small_media(Db *db, const SmallClip *clip, const char *id, ClipMedia media[2])
{
    Err err = {0};
    static char sha[2][SHA256_HEX_SIZE];
    static char names[2][160];
    for (int i = 0; i < 2; i++) {
        snprintf(names[i], sizeof names[i], "media/%s_%lld.%s", clip->source,
                 (long long)(clip->start_us / 1000), i ? "jpg" : "flac");
        media[i] = (ClipMedia){.role = i ? "still" : "audio", .path = names[i], .sha256 = sha[i]};
        if (clip->without_files) {
            mel_sha256_hex(id, strlen(id), sha[i]);
            media[i].size_bytes = 1000;
            continue;
        }
        char *path = mel_db_path(db, names[i]);
        if (i)
            small_jpeg(path, clip->number);
        else
            small_flac(path, clip->number);
        CHECK_OK(mel_sha256_file(path, sha[i], &media[i].size_bytes, &err));
        free(path);
    }
}

static inline void small_ready(Db *db, const SmallClip *clip, const char *id)
{
    enum { LANDMARKS = 60 };
    Err err = {0};
    ClipMedia media[2];
    Landmark landmarks[LANDMARKS];
    uint8_t bytes[LANDMARKS * LANDMARK_BYTES];
    Rng rng = {.seed = clip->sound ? clip->sound : 100000u + (unsigned)clip->number};
    for (uint32_t i = 0; i < LANDMARKS; i++)
        landmarks[i] = (Landmark){.hash = mel_rng_u32(&rng) & 0xFFFFFF, .position = i * 5};
    mel_landmarks_pack(landmarks, LANDMARKS, bytes);
    Rng pictures = {.seed = 77, .stream = (unsigned)clip->number};
    uint64_t hash = clip->picture_hash;
    if (!hash) hash = (uint64_t)mel_rng_u32(&pictures) << 32 | mel_rng_u32(&pictures);
    ClipFrame frame = {.time_us = clip->start_us + 5000000,
                       .width = 32,
                       .height = 32,
                       .score = 1,
                       .picture_hash = hash};
    small_media(db, clip, id, media);
    ClipProducts products = {.clip_id = id,
                             .tools_json = "{\"melkit\":\"test\"}",
                             .got_start_us = clip->start_us,
                             .audio_samples = 4000,
                             .sample_rate_hz = 16000,
                             .channels = 1,
                             .bits_per_sample = 16,
                             .width = 32,
                             .height = 32,
                             .container = "test",
                             .audio_codec = "pcm",
                             .video_codec = "mjpeg",
                             .media = media,
                             .media_count = 2,
                             .frames = &frame,
                             .frame_count = 1,
                             .landmarks = bytes,
                             .landmark_bytes = sizeof bytes,
                             .landmark_count = LANDMARKS,
                             .landmark_version = LANDMARK_VERSION};
    CHECK_OK(mel_clip_ready(db, &products, &err));
}

static inline void small_answer(Db *db, const SmallClip *clip, const char *id,
                                const char *annotator)
{
    static const char *const genres[] = {"jazz", "rock", "pop", "classical", "blues"};
    Err err = {0};
    Annotation a;
    AnnotationTerm terms[6] = {
        {"mood",       "calm",  ""    },
        {"instrument", "piano", "lead"}
    };
    char *text = mel_asprintf("A calm piece number %d with a piano.", clip->number);
    mel_annotation_init(&a);
    a.clip_id = id;
    a.annotator_id = annotator;
    a.state = clip->unsettled ? "draft" : "submitted";
    a.genre = clip->genre ? clip->genre : genres[clip->number % 5];
    a.tempo = "slow";
    a.bpm = 72.5;
    a.text = clip->text ? clip->text : text;
    a.terms = terms;
    a.term_count = 2;
    for (int i = 0; i < 4 && clip->aspects[i]; i++)
        terms[a.term_count++] = (AnnotationTerm){"aspect", clip->aspects[i], ""};
    CHECK_OK(mel_annotator_put(db, annotator,
                               clip->annotator_kind ? clip->annotator_kind : "person", NULL, &err));
    CHECK_OK(mel_annotation_save(db, &a, NULL, NULL, &err));
    free(text);
}

/* Adds a clip that is fetched, and answered unless it is `unsettled`. */
static inline void small_clip(Db *db, SmallClip clip, char id[CLIP_ID_SIZE])
{
    Err err = {0};
    char own[CLIP_ID_SIZE], locator[12];
    snprintf(locator, sizeof locator, "%.11s", clip.source + 3);
    Source source = {.id = clip.source,
                     .kind = clip.kind ? clip.kind : "youtube",
                     .locator = clip.locator ? clip.locator : locator,
                     .title = "A title",
                     .channel = clip.channel,
                     .license = clip.license,
                     .duration_us = 600000000};
    CHECK_OK(mel_db_begin(db, &err));
    CHECK_OK(mel_source_put(db, &source, NULL, &err));
    CHECK_OK(mel_clip_put(db, clip.source, clip.start_us, clip.start_us + 10000000, clip.published,
                          own, &(bool){false}, &err));
    for (int i = 0; i < 4 && clip.labels[i]; i++)
        CHECK_OK(mel_clip_label(db, own, "audioset", clip.labels[i], &err));
    small_ready(db, &clip, own);
    small_answer(db, &clip, own, clip.annotator ? clip.annotator : "alice");
    CHECK_OK(mel_db_end(db, true, &err));
    if (id) memcpy(id, own, sizeof own);
}

/* `count` clips, two of each source: yt-source00000 at 30 s and at 50 s, and so on. */
static inline void small_clips(Db *db, int count)
{
    for (int i = 0; i < count; i++) {
        char source[32];
        snprintf(source, sizeof source, "yt-source%05d", i / 2);
        small_clip(db,
                   (SmallClip){.source = source,
                               .start_us = i % 2 ? 50000000 : 30000000,
                               .license = "CC-BY-4.0",
                               .number = i},
                   NULL);
    }
}

#endif
