/* SPDX-License-Identifier: Apache-2.0
 *
 * What the columns of the public views mean: for `mel list --columns-help` and the measures of
 * `mel show`. */
#include "cli/reading.h"
#include "curator/curator.h"

/* clang-format off */
static const ColumnNote clip_columns[] = {
    {"id", "", "the clip: its source and its start in milliseconds"},
    {"source", "", "the source that it is cut from"},
    {"start_s", "s", "asked start, on the source's own clock"},
    {"end_s", "s", "asked end"},
    {"state", "", "new, ready or failed"},
    {"reason", "", "why the last fetch failed, in one word"},
    {"failure_class", "", "permanent, conditional, transient, pause, configuration or local"},
    {"message", "", "what the failing step said"},
    {"attempts", "count", "fetches tried so far"},
    {"published_split", "", "the side that the published list puts it on"},
    {"created_at", "UTC", "when it was imported"},
    {"changed_at", "UTC", "when its state last changed"},
    {"kind", "", "youtube, url or file"},
    {"locator", "", "the source's address or path"},
    {"title", "", "the source's title"},
    {"channel", "", "who published the source"},
    {"license", "", "the licence that the source states"},
    {"source_duration_s", "s", "the whole source's length"},
    {"availability", "", "unknown, available, gone, conditional or unreachable, as last seen"},
    {"included", "0/1", "1 when no pass in force keeps it out"},
    {"excluded_by", "", "the passes in force that keep it out, separated by commas"},
    {"annotation_count", "count", "submitted annotations"},
    {"settled_state", "", "settled, disputed or open; empty without any annotation"},
    {"genre", "", "the settled genre"},
    {"tempo", "", "the settled tempo class"},
    {"bpm", "BPM", "the settled tempo"},
    {"text", "", "the settled description"},
    {"relevance", "", "how picture and music relate, as settled"},
    {"imsm", "0..1", "purity: the probability that picture and music mean the same text"},
    {"clip_score", "-1..1", "similarity of picture and text"},
    {"clap_score", "-1..1", "similarity of music and text"},
    {"duplicated", "0/1", "1 when another clip sounds or looks the same"},
    {"duplicate_of_earlier", "0/1", "1 when a clip of another source, earlier in order, is the same"},
    {"got_start_s", "s", "start of what was really cut"},
    {"sample_rate_hz", "Hz", "of the FLAC, as the source had it"},
    {"channels", "count", "of the FLAC"},
    {"audio_samples", "count", "samples per channel"},
    {"missing_samples", "count", "of those, filled with silence"},
    {"width", "px", "of the picture"},
    {"height", "px", "of the picture"},
    {"container", "", "of the source"},
    {"audio_codec", "", "of the source"},
    {"video_codec", "", "of the source"},
};

static const ColumnNote annotation_columns[] = {
    {"id", "", "this revision of the answer"},
    {"clip", "", "the clip that it is about"},
    {"annotator", "", "who gave it"},
    {"person", "", "the same; of a retest who answered again"},
    {"retest", "0/1", "1 for an answer to what was asked again"},
    {"annotator_kind", "", "person, import, script or system"},
    {"rev", "count", "revision, from 1; older ones are kept"},
    {"state", "", "draft, submitted or withdrawn"},
    {"genre", "", "primary genre"},
    {"tempo", "", "tempo class"},
    {"bpm", "BPM", "tempo"},
    {"dissonance", "", "none, mild or marked"},
    {"metre", "", "metre"},
    {"feel", "", "rhythmic feel"},
    {"text", "", "free description"},
    {"relevance", "", "how picture and music relate"},
    {"frame_position", "count", "the chosen still, from 0"},
    {"frame_why", "", "why this still"},
    {"comment", "", "remark for other annotators"},
    {"moods", "", "moods, separated by commas"},
    {"voices", "", "voices, separated by commas"},
    {"instruments", "", "instruments, with /role where one is given"},
    {"other_genres", "", "secondary genres"},
    {"aspects", "", "free aspects, separated by semicolons"},
    {"vocabulary_version", "count", "the vocabulary that the terms are from"},
    {"origin", "", "app, script, import, packet or settled"},
    {"active_us", "us", "time spent on it"},
    {"created_at", "UTC", "when it was saved"},
};

static const ColumnNote triplet_columns[] = {
    {"audio_path", "", "the FLAC, relative to the dataset"},
    {"audio_sha256", "", "its hash"},
    {"audio_bytes", "bytes", "its size"},
    {"image_path", "", "the chosen still, relative to the dataset"},
    {"image_sha256", "", "its hash"},
    {"image_bytes", "bytes", "its size"},
    {"frame_position", "count", "which still was chosen, from 0"},
    {"frame_s", "s", "the still's time on the source's clock"},
    {"dissonance", "", "none, mild or marked"},
    {"metre", "", "metre"},
    {"feel", "", "rhythmic feel"},
    {"annotator", "", "whose answer it is (settled: merged from several)"},
    {"settled_by", "", "single, agreed or adjudicated"},
    {"moods", "", "moods, separated by commas"},
    {"voices", "", "voices, separated by commas"},
    {"instruments", "", "instruments, with /role where one is given"},
    {"aspects", "", "free aspects, separated by semicolons"},
    {"audioset_labels", "", "AudioSet labels that came with a list"},
};

static const ColumnNote score_columns[] = {
    {"id", "", "this score"},
    {"clip", "", "the clip that it is about"},
    {"name", "", "imsm, clip, clap, …"},
    {"value", "", "the number"},
    {"model", "", "the model that made it"},
    {"model_sha256", "", "the hash of its weights"},
    {"parameters_json", "", "its parameters"},
    {"bank", "", "the bank of texts that it depends on"},
    {"created_at", "UTC", "when it was made"},
    {"is_current", "0/1", "1 for the newest of its clip and name"},
};

static const ColumnNote split_columns[] = {
    {"split", "", "name of the split"},
    {"id", "", "the clip"},
    {"side", "", "train, val, test, …"},
    {"group_key", "", "clips with the same key never part"},
    {"assigned_at", "UTC", "when it was put there"},
};

static const MeasureNote measures[] = {
#define X(name, unit, meaning) {{#name, unit, meaning}, true},
    MEL_AUDIO_MEASURES(X)
#undef X
#define X(name, unit, meaning) {{#name, unit, meaning}, false},
    MEL_PICTURE_MEASURES(X)
#undef X
};
/* clang-format on */

const MeasureNote *cli_measures(size_t *count)
{
    *count = MEL_COUNT(measures);
    return measures;
}

static const ColumnNote *find(const ColumnNote *notes, size_t count, const char *column)
{
    for (size_t i = 0; i < count; i++)
        if (mel_equal(notes[i].name, column)) return &notes[i];
    return NULL;
}

static const ColumnNote *find_clip_column(const char *column)
{
    const ColumnNote *note = find(clip_columns, MEL_COUNT(clip_columns), column);
    for (size_t i = 0; !note && i < MEL_COUNT(measures); i++)
        if (mel_equal(measures[i].note.name, column)) note = &measures[i].note;
    return note;
}

const ColumnNote *cli_column_note(const char *view, const char *column)
{
    if (mel_equal(view, "annotations"))
        return find(annotation_columns, MEL_COUNT(annotation_columns), column);
    if (mel_equal(view, "scores")) return find(score_columns, MEL_COUNT(score_columns), column);
    if (mel_equal(view, "splits")) return find(split_columns, MEL_COUNT(split_columns), column);
    const ColumnNote *note = NULL;
    if (mel_equal(view, "triplets"))
        note = find(triplet_columns, MEL_COUNT(triplet_columns), column);
    return note ? note : find_clip_column(column);
}
