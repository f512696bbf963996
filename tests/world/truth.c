/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/truth.h"

#include "tests/world/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- list ---- */

typedef struct ListWriter {
    FILE *file;
    const WorldPlan *plan;
    int line;                         /* of the row that comes next, the header is 1 */
    int fault_lines[ROW_FAULT_COUNT]; /* where the wrong rows went */
} ListWriter;

static void add_row(ListWriter *list, const SourcePlan *source, const char *path, const char *start,
                    const char *end, Rng *rng)
{
    const MusicFactors *music = &source->music;
    Str row = {0};
    char *caption = mel_words_caption(music, rng);
    char *bpm = mel_asprintf("%.1f", music->tempo_bpm);
    const char *fields[] = {path,
                            start,
                            end,
                            source->title,
                            source->channel,
                            source->license,
                            mel_genre_id(music->genre),
                            mel_mood_id(music->mood),
                            bpm,
                            caption};
    for (size_t i = 0; i < MEL_COUNT(fields); i++) {
        if (i) mel_str_add_char(&row, ',');
        mel_csv_add_field(&row, fields[i], ',', false);
    }
    fprintf(list->file, "%s\n", row.text);
    list->line++;
    mel_str_clear(&row);
    free(caption);
    free(bpm);
}

static void add_span(ListWriter *list, const SourcePlan *source, const char *path, double start_s,
                     Rng *rng)
{
    char *start = mel_asprintf("%.2f", start_s), *end = mel_asprintf("%.2f", start_s + CLIP_S);
    add_row(list, source, path, start, end, rng);
    free(start);
    free(end);
}

static void add_wrong_row(ListWriter *list, const SourcePlan *source, RowFault fault)
{
    Rng rng = source->rng; /* the words of the first clip: a duplicate is exact */
    double seconds = source->encode.seconds;
    list->fault_lines[fault] = list->line;
    switch (fault) {
    case ROW_BROKEN_TIME:
        add_row(list, source, source->path, "1:xx", "11:xx", &rng);
        break;
    case ROW_MISSING_FILE:
        add_span(list, source, "media/gone.mp4", 1, &rng);
        break;
    case ROW_DUPLICATE:
        add_span(list, source, source->path, source->clips_s[0], &rng);
        break;
    case ROW_PAST_END:
        add_span(list, source, source->path, seconds + 20, &rng);
        break;
    default:
        add_span(list, source, source->path, seconds - 3.5, &rng);
        break;
    }
}

static void write_rows(ListWriter *list)
{
    const WorldPlan *plan = list->plan;
    fputs("path,start_s,end_s,title,channel,license,genre,mood,tempo_bpm,caption\n", list->file);
    list->line = 2;
    for (int i = 0; i < plan->options.sources; i++) {
        const SourcePlan *source = &plan->sources[i];
        Rng rng = source->rng;
        for (int k = 0; k < source->clip_count; k++)
            add_span(list, source, source->path, source->clips_s[k], &rng);
        for (RowFault fault = 0; fault < ROW_FAULT_COUNT; fault++)
            if (plan->rows[fault].source == i) add_wrong_row(list, source, fault);
    }
}

bool mel_write_list(const WorldPlan *plan, const char *path, Err *err)
{
    FileWriter writer = {0};
    if (!mel_writer_begin(&writer, path, err)) return false;
    ListWriter list = {.file = writer.file, .plan = plan};
    write_rows(&list);
    bool ok = mel_writer_commit(&writer, err);
    mel_writer_abort(&writer);
    return ok;
}

/* ---- annotations ---- */

static json_t *clip_json(const SourcePlan *source, int clip)
{
    json_t *object = json_object();
    mel_json_set_text(object, "path", source->path);
    mel_json_set_f64(object, "start_s", source->clips_s[clip]);
    return object;
}

static json_t *texts_json(const char *only)
{
    json_t *array = json_array();
    json_array_append_new(array, json_string(only));
    return array;
}

static const char *role_of(Part part)
{
    return part == PART_LEAD ? "lead" : part == PART_PAD ? "background" : "accompanying";
}

/* Each instrument once, in the first role it plays. */
static json_t *instruments_json(const MusicFactors *music)
{
    json_t *array = json_array();
    for (Part part = 0; part < PART_VOICE; part++) {
        bool doubled = music->parts[part] == INSTRUMENT_NONE;
        for (Part before = 0; before < part; before++)
            doubled = doubled || music->parts[before] == music->parts[part];
        if (doubled) continue;
        json_t *object = json_object();
        mel_json_set_text(object, "term", mel_instrument_id(music->parts[part]));
        mel_json_set_text(object, "role", role_of(part));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *annotation_json(const SourcePlan *source, int clip, Rng *rng)
{
    const MusicFactors *music = &source->music;
    json_t *object = json_object();
    char *text = mel_words_annotation(music, rng);
    char annotator[8];
    snprintf(annotator, sizeof annotator, "ann%02d", source->index % 4 + 1);
    json_object_set_new(object, "clip", clip_json(source, clip));
    mel_json_set_text(object, "annotator", annotator);
    mel_json_set_text(object, "genre", mel_genre_id(music->genre));
    json_object_set_new(object, "mood", texts_json(mel_mood_id(music->mood)));
    mel_json_set_text(object, "tempo", mel_tempo_id(music->tempo_bpm));
    mel_json_set_f64(object, "bpm", music->tempo_bpm);
    json_object_set_new(object, "voices", texts_json(mel_voice_id(music->voice)));
    json_object_set_new(object, "instruments", instruments_json(music));
    mel_json_set_text(object, "dissonance", mel_dissonance_id(music->character.dissonance));
    mel_json_set_text(object, "metre", mel_metre_id(music->metre));
    mel_json_set_text(object, "feel", mel_feel_id(music->feel));
    bool apart = source->picture.mood != music->mood;
    mel_json_set_text(object, "relevance", apart ? "contradictory" : "complementary");
    mel_json_set_text(object, "text", text);
    free(text);
    return object;
}

static void write_annotations_of(const SourcePlan *source, FILE *file)
{
    Rng rng = source->rng;
    rng.next = 5000; /* behind the words of the list */
    for (int k = 0; k < source->clip_count; k++) {
        if (!mel_clip_has_music(source, k)) continue;
        json_t *object = annotation_json(source, k, &rng);
        char *line = mel_json_line(object);
        fprintf(file, "%s\n", line);
        free(line);
        json_decref(object);
    }
}

bool mel_write_annotations(const WorldPlan *plan, const char *path, Err *err)
{
    FileWriter writer = {0};
    if (!mel_writer_begin(&writer, path, err)) return false;
    for (int i = 0; i < plan->options.sources; i++)
        write_annotations_of(&plan->sources[i], writer.file);
    bool ok = mel_writer_commit(&writer, err);
    mel_writer_abort(&writer);
    return ok;
}

/* ---- truth ---- */

static json_t *color_json(Color color)
{
    return json_sprintf("#%02lx%02lx%02lx", lround(255 * color.r), lround(255 * color.g),
                        lround(255 * color.b));
}

static json_t *picture_json(const SourcePlan *source)
{
    const PictureFactors *picture = &source->picture;
    json_t *object = json_object(), *colors = json_array(), *shots = json_array();
    const Palette *p = &picture->palette;
    const Color palette[] = {p->sky_top, p->sky_low,    p->far,        p->near,
                             p->light,   p->accents[0], p->accents[1], p->accents[2]};
    for (size_t i = 0; i < MEL_COUNT(palette); i++)
        json_array_append_new(colors, color_json(palette[i]));
    FilmShot film[FILM_SHOTS_MAX];
    int count = mel_film_shots(picture, source->encode.seconds, film);
    for (int i = 0; i < count; i++)
        json_array_append_new(
            shots, json_pack("{s:f, s:s}", "start_s", film[i].start_s, "scene", film[i].scene));
    mel_json_set_text(object, "mood", mel_mood_id(picture->mood));
    mel_json_set_f64(object, "motion", picture->motion);
    json_object_set_new(object, "palette", colors);
    json_object_set_new(object, "shots", shots);
    return object;
}

static json_t *music_json(const SourcePlan *source)
{
    const MusicFactors *music = &source->music;
    const Character *character = &music->character;
    json_t *object = json_object();
    mel_json_set_text(object, "mood", mel_mood_id(music->mood));
    mel_json_set_text(object, "mode", mel_mode_id(character->mode));
    mel_json_set_f64(object, "energy", character->energy);
    mel_json_set_f64(object, "brightness", character->brightness);
    mel_json_set_f64(object, "reverb", character->reverb);
    mel_json_set_f64(object, "warmth", character->warmth);
    mel_json_set_f64(object, "swell_hz", character->swell_hz);
    mel_json_set_text(object, "dissonance", mel_dissonance_id(character->dissonance));
    mel_json_set_text(object, "genre", mel_genre_id(music->genre));
    mel_json_set_f64(object, "tempo_bpm", music->tempo_bpm);
    mel_json_set_text(object, "tempo", mel_tempo_id(music->tempo_bpm));
    mel_json_set_text(object, "metre", mel_metre_id(music->metre));
    mel_json_set_text(object, "feel", mel_feel_id(music->feel));
    mel_json_set_text(object, "voice", mel_voice_id(music->voice));
    json_object_set_new(object, "instruments", instruments_json(music));
    mel_json_set_text(object, "key", mel_tonic_name(music->tonic));
    mel_json_set_f64(object, "tune_cents", music->tune_cents);
    mel_json_set_f64(object, "from_s", source->music_from_s);
    return object;
}

static json_t *file_json(const EncodeOptions *encode)
{
    json_t *object = json_object();
    bool webm = mel_packaging_is_webm(encode->packaging);
    mel_json_set_text(object, "packaging", mel_packaging_id(encode->packaging));
    mel_json_set_text(object, "video_codec", webm ? "vp9" : "h264");
    mel_json_set_text(object, "audio_codec", webm ? "opus" : "aac");
    mel_json_set_f64(object, "seconds", encode->seconds);
    mel_json_set_i64(object, "width", encode->width);
    mel_json_set_i64(object, "height", encode->height);
    mel_json_set_f64(object, "frame_rate_hz", (double)encode->fps_num / encode->fps_den);
    mel_json_set_i64(object, "gop_frames", encode->gop_frames);
    json_object_set_new(object, "b_frames", json_boolean(encode->b_frames && !webm));
    mel_json_set_i64(object, "sound_rate_hz", encode->sound_rate_hz);
    return object;
}

static json_t *source_json(const SourcePlan *source)
{
    json_t *object = json_object(), *clips = json_array();
    for (int k = 0; k < source->clip_count; k++)
        json_array_append_new(clips, clip_json(source, k));
    mel_json_set_i64(object, "index", source->index);
    mel_json_set_text(object, "path", source->path);
    mel_json_set_text(object, "title", source->title);
    mel_json_set_text(object, "channel", source->channel);
    json_object_set_new(object, "file", file_json(&source->encode));
    json_object_set_new(object, "picture", picture_json(source));
    json_object_set_new(object, "music", music_json(source));
    const char *fault = source->fault == FAULT_NONE ? NULL : mel_fault_id(source->fault);
    mel_json_set_text(object, "fault", fault);
    json_object_set_new(object, "clips", clips);
    return object;
}

/* What is to be known of one kind of fault beyond its name. */
static void set_fault_details(const WorldPlan *plan, const SourcePlan *source, json_t *object)
{
    switch (source->fault) {
    case FAULT_MISMATCH:
        mel_json_set_text(object, "picture_mood", mel_mood_id(source->picture.mood));
        mel_json_set_text(object, "music_mood", mel_mood_id(source->music.mood));
        break;
    case FAULT_REUPLOAD:
        mel_json_set_f64(object, "offset_s", source->music_from_s);
        mel_json_set_f64(object, "gain_db", -6);
        break;
    case FAULT_TRUNCATED:
        mel_json_set_f64(object, "kept_share", source->kept_share);
        break;
    case FAULT_CLIPPED:
        mel_json_set_f64(object, "gain_db", CLIP_GAIN_DB);
        break;
    case FAULT_LOW_BANDWIDTH:
        mel_json_set_f64(object, "cutoff_hz", LOW_BANDWIDTH_HZ);
        break;
    case FAULT_DROPOUTS:
        mel_json_set_f64(object, "gap_ms", DROPOUT_GAP_MS);
        break;
    case FAULT_LATE_SOUND:
        mel_json_set_f64(object, "delay_s", source->encode.sound_delay_s);
        break;
    default:
        break;
    }
    if (source->partner < 0) return;
    const SourcePlan *partner = &plan->sources[source->partner];
    json_t *clips = json_array();
    for (int k = 0; k < partner->clip_count; k++)
        json_array_append_new(clips, clip_json(partner, k));
    mel_json_set_text(object, "partner", partner->path);
    json_object_set_new(object, "partner_clips", clips);
}

static json_t *faults_json(const WorldPlan *plan)
{
    json_t *array = json_array();
    for (int i = 0; i < plan->options.sources; i++) {
        const SourcePlan *source = &plan->sources[i];
        if (source->fault == FAULT_NONE) continue;
        json_t *object = json_object(), *clips = json_array();
        for (int k = 0; k < source->clip_count; k++)
            if (mel_clip_is_hit(source, k)) json_array_append_new(clips, clip_json(source, k));
        mel_json_set_text(object, "kind", mel_fault_id(source->fault));
        mel_json_set_text(object, "path", source->path);
        json_object_set_new(object, "clips", clips);
        set_fault_details(plan, source, object);
        json_array_append_new(array, object);
    }
    return array;
}

/* The lines come from writing the list once more, to nowhere. */
static json_t *row_faults_json(const WorldPlan *plan, Err *err)
{
    ListWriter list = {.file = fopen("/dev/null", "we"), .plan = plan};
    if (!list.file) {
        mel_err_errno(err, "cannot open '/dev/null'");
        return NULL;
    }
    write_rows(&list);
    fclose(list.file);
    json_t *array = json_array();
    for (RowFault fault = 0; fault < ROW_FAULT_COUNT; fault++) {
        json_t *object = json_object();
        mel_json_set_text(object, "kind", mel_row_fault_id(fault));
        mel_json_set_i64(object, "line", list.fault_lines[fault]);
        mel_json_set_text(object, "path", plan->sources[plan->rows[fault].source].path);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *mapping_json(void)
{
    return json_pack("{s:[s,s,s,s,s,s,s], s:[s,s,s,s,s,s], s:[s]}", "picture_fixes", "mode",
                     "energy", "brightness", "reverb", "dissonance", "warmth", "swell_hz",
                     "text_fixes", "genre", "tempo_bpm", "metre", "feel", "instruments", "voice",
                     "nothing_fixes", "key");
}

bool mel_write_truth(const WorldPlan *plan, const char *path, Err *err)
{
    json_t *rows = row_faults_json(plan, err);
    if (!rows) return false;
    json_t *truth = json_object(), *sources = json_array();
    const WorldOptions *options = &plan->options;
    for (int i = 0; i < options->sources; i++)
        json_array_append_new(sources, source_json(&plan->sources[i]));
    json_object_set_new(truth, "world",
                        json_pack("{s:i, s:I, s:f, s:i, s:i}", "sources", options->sources, "seed",
                                  (json_int_t)options->seed, "seconds", options->seconds, "width",
                                  options->width, "height", options->height));
    json_object_set_new(truth, "mapping", mapping_json());
    json_object_set_new(truth, "sources", sources);
    json_object_set_new(truth, "faults", faults_json(plan));
    json_object_set_new(truth, "row_faults", rows);
    char *text = json_dumps(truth, JSON_INDENT(1) | JSON_REAL_PRECISION(8));
    json_decref(truth);
    MEL_ASSERT(text);
    bool ok = mel_write_file(path, text, strlen(text), err);
    free(text);
    return ok;
}
