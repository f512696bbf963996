/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stats_collect.h"

#include <string.h>

static json_t *tallies_json(const Tallies *tallies)
{
    json_t *object = json_object();
    for (size_t i = 0; i < tallies->count; i++)
        mel_json_set_i64(object, *tallies->items[i].word ? tallies->items[i].word : "none",
                         tallies->items[i].count);
    return object;
}

static json_t *clips_json(const Stats *s)
{
    json_t *object = json_object();
    mel_json_set_i64(object, "total", s->clips);
    mel_json_set_i64(object, "new", s->created);
    mel_json_set_i64(object, "ready", s->ready);
    mel_json_set_i64(object, "failed", s->failed);
    mel_json_set_i64(object, "included", s->included);
    mel_json_set_i64(object, "excluded", s->ready - s->included);
    mel_json_set_i64(object, "settled", s->settled);
    mel_json_set_i64(object, "disputed", s->disputed);
    mel_json_set_i64(object, "open", s->open);
    return object;
}

static json_t *sources_json(const Stats *s)
{
    json_t *object = json_object();
    mel_json_set_i64(object, "total", s->sources);
    json_object_set_new(object, "kinds", tallies_json(&s->source_kinds));
    json_object_set_new(object, "availability", tallies_json(&s->availability));
    return object;
}

static json_t *failures_json(const Stats *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->failure_count; i++) {
        const FailureTally *f = &s->failures[i];
        json_t *object = json_object();
        mel_json_set_text(object, "reason", f->reason);
        mel_json_set_text(object, "class", f->class);
        mel_json_set_i64(object, "count", f->count);
        mel_json_set_text(object, "meaning", f->kind->meaning);
        mel_json_set_text(object, "advice", f->kind->advice);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *passes_json(const Stats *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->pass_count; i++) {
        const PassTally *p = &s->passes[i];
        json_t *object = json_object();
        mel_json_set_text(object, "name", p->name);
        mel_json_set_text(object, "condition", p->condition);
        mel_json_set_text(object, "note", p->note);
        mel_json_set_text(object, "created_at", p->created_at);
        mel_json_set_text(object, "undone_at", p->undone_at);
        mel_json_set_i64(object, "excluded", p->excluded);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *annotators_json(const Stats *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->annotator_count; i++) {
        const AnnotatorTally *a = &s->annotators[i];
        json_t *object = json_object();
        mel_json_set_text(object, "id", a->id);
        mel_json_set_text(object, "kind", a->kind);
        mel_json_set_i64(object, "submitted", a->submitted);
        mel_json_set_i64(object, "drafts", a->drafts);
        mel_json_set_i64(object, "withdrawn", a->withdrawn);
        mel_json_set_i64(object, "retests", a->retests);
        mel_json_set_f64(object, "active_s", a->active_s);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *splits_json(const Stats *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->split_count; i++) {
        const SplitTally *split = &s->splits[i];
        json_t *object = json_object(), *sides = json_object(), *genres = json_object();
        for (int side = 0; side < split->side_count; side++)
            mel_json_set_i64(sides, split->sides[side], cli_split_side_total(split, side));
        for (int genre = 0; genre <= STATS_GENRES_MAX; genre++) {
            const int64_t *counts = &split->counts[genre * STATS_SIDES_MAX];
            json_t *row = json_object();
            int64_t total = 0;
            for (int side = 0; side < split->side_count; side++) {
                mel_json_set_i64(row, split->sides[side], counts[side]);
                total += counts[side];
            }
            const char *name =
                genre < STATS_GENRES_MAX ? s->genre_order.items[total ? genre : 0].word : "none";
            if (total) json_object_set(genres, name, row);
            json_decref(row);
        }
        mel_json_set_text(object, "name", split->name);
        json_object_set_new(object, "sides", sides);
        json_object_set_new(object, "genres", genres);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *distributions_json(const Stats *s)
{
    json_t *all = json_object();
    for (size_t i = 0; i < s->distribution_count; i++) {
        const Distribution *d = &s->distributions[i];
        json_t *object = json_object();
        mel_json_set_text(object, "unit", d->unit);
        mel_json_set_i64(object, "known", (int64_t)d->count);
        mel_json_set_i64(object, "unknown", d->unknown);
        mel_json_set_f64(object, "mean", cli_mean(d));
        mel_json_set_f64(object, "min", cli_quantile(d, 0));
        mel_json_set_f64(object, "p5", cli_quantile(d, 0.05));
        mel_json_set_f64(object, "median", cli_quantile(d, 0.5));
        mel_json_set_f64(object, "p95", cli_quantile(d, 0.95));
        mel_json_set_f64(object, "max", cli_quantile(d, 1));
        json_object_set_new(all, d->name, object);
    }
    return all;
}

static json_t *funnel_json(const Stats *s)
{
    json_t *list = json_array();
    for (int i = 0; i < FUNNEL_STAGES; i++) {
        json_t *object = json_object();
        mel_json_set_text(object, "stage", s->funnel[i].name);
        mel_json_set_text(object, "meaning", s->funnel[i].meaning);
        mel_json_set_i64(object, "count", s->funnel[i].count);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *duplicates_json(const Stats *s)
{
    json_t *object = json_object(), *largest = json_array();
    mel_json_set_i64(object, "groups", (int64_t)s->group_count);
    mel_json_set_i64(object, "clips", s->grouped_clips);
    mel_json_set_i64(object, "text_pairs", s->text_pairs);
    for (size_t i = 0; i < s->group_count && i < 20; i++) {
        const DuplicateGroup *g = &s->groups[i];
        json_t *group = json_object(), *sample = json_array();
        mel_json_set_i64(group, "size", (int64_t)g->size);
        mel_json_set_i64(group, "audio_edges", g->audio_edges);
        mel_json_set_i64(group, "picture_edges", g->picture_edges);
        for (size_t k = 0; k < 4 && k < g->size; k++)
            json_array_append_new(sample, json_string(g->sample[k]));
        json_object_set_new(group, "sample", sample);
        json_array_append_new(largest, group);
    }
    json_object_set_new(object, "largest", largest);
    return object;
}

json_t *cli_stats_json(const Stats *s)
{
    json_t *object = json_object(), *triplets = json_object(), *media = json_object();
    mel_json_set_text(object, "taken_at", s->taken_at);
    mel_json_set_text(object, "melkit", MEL_VERSION);
    mel_json_set_i64(object, "schema", mel_db_schema_version());
    json_object_set_new(object, "sources", sources_json(s));
    json_object_set_new(object, "clips", clips_json(s));
    mel_json_set_i64(triplets, "total", s->triplets);
    mel_json_set_i64(triplets, "included", s->triplets_included);
    mel_json_set_f64(triplets, "included_s", s->included_s);
    json_object_set_new(object, "triplets", triplets);
    json_object_set_new(object, "funnel", funnel_json(s));
    json_object_set_new(object, "failures", failures_json(s));
    json_object_set_new(object, "passes", passes_json(s));
    json_object_set_new(object, "genres", tallies_json(&s->genres));
    json_object_set_new(object, "relevance", tallies_json(&s->relevance));
    json_object_set_new(object, "tempos", tallies_json(&s->tempos));
    json_object_set_new(object, "annotators", annotators_json(s));
    json_object_set_new(object, "splits", splits_json(s));
    json_object_set_new(object, "duplicates", duplicates_json(s));
    json_object_set_new(object, "distributions", distributions_json(s));
    mel_json_set_i64(media, "files", s->media_files);
    mel_json_set_i64(media, "bytes", s->media_bytes);
    mel_json_set_i64(media, "audio_bytes", s->audio_bytes);
    json_object_set_new(object, "media", media);
    return object;
}
