/* SPDX-License-Identifier: Apache-2.0 */
#include "curator/agree_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_TOLERANCE_S 0.5
#define BPM_TOLERANCE 0.04
#define N_(text) text /* for gettext: shown by whoever tells of it */
#define SAME N_("share the same")
#define INTERVAL_WIDE 0.3 /* from one word of agree_sentence to the next but one */
enum { CLIPS_FEW = 10 };

static const struct {
    AgreementDistance distance;
    const char *statistic;
} kinds[] = {
    [AGREE_TERM] = {AGREEMENT_NOMINAL, N_("alpha, nominal")    },
    [AGREE_RANK] = {AGREEMENT_ORDINAL, N_("alpha, ordinal")    },
    [AGREE_SET] = {AGREEMENT_MASI,    N_("alpha, MASI")       },
    [AGREE_BPM] = {AGREEMENT_RATIO,   N_("alpha, ratio")      },
    [AGREE_FRAME] = {AGREEMENT_NOMINAL, N_("share within 0.5 s")},
};

static const char *statistic_of(int field)
{
    return kinds[mel_agree_field(field)->kind].statistic;
}

/* ---- a field -------------------------------------------------------------------------------- */

/* Of the two people of a table of two; of more there is no one kappa. */
static AgreementResult cohen(const AgreementTable *table, const AgreementResult *main,
                             bool weighted)
{
    int columns[2] = {0, 0}, found = 0;
    for (int r = 0; main->raters == 2 && r < table->raters && found < 2; r++)
        for (int64_t u = 0; u < table->units; u++) {
            const double *row = table->values + u * table->raters;
            int answers = 0;
            for (int k = 0; k < table->raters; k++)
                answers += !isnan(row[k]);
            if (answers < 2 || isnan(row[r])) continue;
            columns[found++] = r;
            break;
        }
    if (found == 2) return mel_agreement_cohen(table, columns[0], columns[1], weighted);
    return (AgreementResult){.value = NAN,
                             .reason =
                                 main->raters > 2 ? "Cohen's kappa is of two people" : main->reason,
                             .units = main->units,
                             .raters = main->raters};
}

static void add_more(AgreeRow *row, const char *statistic, AgreementResult result)
{
    MEL_ASSERT(row->more_count < AGREE_MORE_MAX);
    row->more[row->more_count++] = (AgreeNumber){statistic, result};
}

static void add_all_more(const AgreeAnswers *all, const AgreeTable *t, AgreeRow *row)
{
    const AgreementTable *table = &t->table;
    const AgreementResult *main = &row->main.result;
    AgreeKind kind = mel_agree_field(row->field)->kind;
    if (kind != AGREE_FRAME || t->timed)
        add_more(row, SAME, mel_agreement_share(table, AGREEMENT_EQUAL, 0, NULL));
    switch (kind) {
    case AGREE_TERM:
        add_more(row, "Gwet's AC1", mel_agreement_ac1(table, all->categories[row->field]));
        add_more(row, "Fleiss' kappa", mel_agreement_fleiss(table));
        add_more(row, "Cohen's kappa", cohen(table, main, false));
        break;
    case AGREE_RANK:
        add_more(row, "Cohen's kappa, quadratic", cohen(table, main, true));
        break;
    case AGREE_SET:
        add_more(row, "alpha, Jaccard", mel_agreement_alpha(table, AGREEMENT_JACCARD, NULL));
        add_more(row, "alpha, whole sets", mel_agreement_alpha(table, AGREEMENT_NOMINAL, NULL));
        break;
    case AGREE_BPM:
        add_more(row, "share within 4 %",
                 mel_agreement_share(table, AGREEMENT_FACTOR, BPM_TOLERANCE, NULL));
        add_more(row, "share at twice or half",
                 mel_agreement_share(table, AGREEMENT_OCTAVE, BPM_TOLERANCE, NULL));
        break;
    case AGREE_FRAME:
        break;
    }
}

static AgreeNumber main_number(const AgreeTable *t, int field, const AgreementBootstrap *bootstrap)
{
    AgreeKind kind = mel_agree_field(field)->kind;
    AgreeNumber number = {.statistic = statistic_of(field)};
    if (kind != AGREE_FRAME)
        number.result = mel_agreement_alpha(&t->table, kinds[kind].distance, bootstrap);
    else if (t->timed)
        number.result =
            mel_agreement_share(&t->times, AGREEMENT_WITHIN, FRAME_TOLERANCE_S, bootstrap);
    else
        number = (AgreeNumber){SAME, mel_agreement_share(&t->table, AGREEMENT_EQUAL, 0, bootstrap)};
    return number;
}

AgreeRow mel_agree_row(const AgreeAnswers *answers, int field, const AgreementBootstrap *bootstrap,
                       bool more)
{
    AgreeTable t = mel_agree_table(answers, field, -1);
    AgreeRow row = {.field = field, .is_alpha = mel_agree_field(field)->kind != AGREE_FRAME};
    row.main = main_number(&t, field, bootstrap);
    if (more) add_all_more(answers, &t, &row);
    mel_agree_table_clear(&t);
    return row;
}

double mel_agree_headline(const AgreeRow *rows, int count, int *alphas)
{
    double sum = 0;
    *alphas = 0;
    for (int i = 0; i < count; i++) {
        if (!rows[i].is_alpha || !rows[i].main.result.defined) continue;
        sum += rows[i].main.result.value;
        ++*alphas;
    }
    return *alphas ? sum / *alphas : NAN;
}

void mel_agree_sentence(const AgreeRow *row, Str *out)
{
    static const struct {
        double least;
        const char *says;
    } steps[] = {
        {0.800,     N_("people agree on %s")                       },
        {0.667,     N_("people mostly agree on %s")                },
        {0.400,     N_("people agree on %s in part")               },
        {0.100,     N_("people hardly agree on %s")                },
        {-INFINITY, N_("people agree on %s no more than by chance")},
    };
    const AgreementResult *r = &row->main.result;
    const char *about = mel_agree_field(row->field)->about;
    size_t step = 0;
    if (!r->defined) {
        mel_str_add(out, mel_text(r->reason));
        return;
    }
    while (r->value < steps[step].least)
        step++;
    if (row->is_alpha)
        mel_str_addf(out, mel_text(steps[step].says), mel_text(about));
    else
        mel_str_addf(out, mel_text("two people choose the same moment %.0f times in 100"),
                     100 * r->value);
    bool wide = r->has_interval && r->high - r->low > INTERVAL_WIDE;
    if (wide || r->units < CLIPS_FEW) mel_str_add(out, mel_text(", but so few clips say little"));
}

/* ---- people --------------------------------------------------------------------------------- */

/* A person and a field, and where to tell of them. */
typedef struct PersonWalk {
    const AgreeAnswers *all;
    const AgreeTable *table;
    const AgreementScale *scale; /* of the table */
    int person, field;
    void (*fn)(void *ctx, const AgreePerson *row);
    void *ctx;
} PersonWalk;

/* among[clip]: it counts; NULL: all do. */
static void tell_rest(const PersonWalk *w, const char *month, const bool *among)
{
    const AgreementTable *table = &w->table->table;
    bool is_frame = mel_agree_field(w->field)->kind == AGREE_FRAME;
    AgreePerson row = {
        .person = w->all->people.names[w->person], .field = w->field, .month = month};
    row.same.statistic = SAME;
    row.same.result = mel_agreement_share_of_rater(table, AGREEMENT_EQUAL, 0, w->person, among);
    row.main.statistic = statistic_of(w->field);
    if (!is_frame)
        row.main.result = mel_agreement_of_rater(w->scale, w->person, among);
    else if (w->table->timed)
        row.main.result = mel_agreement_share_of_rater(&w->table->times, AGREEMENT_WITHIN,
                                                       FRAME_TOLERANCE_S, w->person, among);
    else
        row.main = row.same;
    if (row.main.result.units) w->fn(w->ctx, &row);
}

static void tell_retest(const PersonWalk *w)
{
    AgreeTable t = mel_agree_table(w->all, w->field, w->person);
    AgreePerson row = {
        .person = w->all->people.names[w->person], .field = w->field, .retest = true};
    row.same.statistic = SAME;
    row.same.result = mel_agreement_share(&t.table, AGREEMENT_EQUAL, 0, NULL);
    row.main = main_number(&t, w->field, NULL);
    if (row.main.result.units) w->fn(w->ctx, &row);
    mel_agree_table_clear(&t);
}

static int compare_months(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A person's different months, ascending; yours to free. */
static const char **months_of(const AgreeAnswers *all, int person, size_t *count_out)
{
    const char **months = mel_alloc((all->count + 1) * sizeof *months);
    size_t n = 0, count = 0;
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].person == person && !all->items[i].retest)
            months[n++] = all->items[i].month;
    qsort(months, n, sizeof *months, compare_months);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !mel_equal(months[i], months[count - 1])) months[count++] = months[i];
    *count_out = count;
    return months;
}

static void tell_months(const PersonWalk *w, const char *const *months, size_t count)
{
    bool *among = mel_alloc(((size_t)w->all->clip_count + 1) * sizeof *among);
    for (size_t m = 0; count > 1 && m < count; m++) {
        for (size_t i = 0; i < w->all->count; i++) {
            const AgreeAnswer *a = &w->all->items[i];
            if (a->person == w->person && !a->retest)
                among[a->clip] = mel_equal(a->month, months[m]);
        }
        tell_rest(w, months[m], among);
    }
    free(among);
}

static bool was_tested_again(const AgreeAnswers *all, int person)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].person == person && all->items[i].retest) return true;
    return false;
}

static void tell_person(const AgreeAnswers *all, PersonWalk *w, const AgreeTable *tables,
                        AgreementScale *const *scales, int first, int end)
{
    size_t month_count;
    const char **months = months_of(all, w->person, &month_count);
    bool again = was_tested_again(all, w->person);
    for (w->field = first; w->field < end; w->field++) {
        w->table = &tables[w->field];
        w->scale = scales[w->field];
        tell_rest(w, NULL, NULL);
        tell_months(w, months, month_count);
        if (again) tell_retest(w);
    }
    free(months);
}

void mel_agree_each_person(const AgreeAnswers *answers, int field,
                           void (*fn)(void *ctx, const AgreePerson *row), void *ctx)
{
    AgreeTable tables[AGREE_FIELD_COUNT] = {0};
    AgreementScale *scales[AGREE_FIELD_COUNT] = {0};
    int first = field < 0 ? 0 : field, end = field < 0 ? AGREE_FIELD_COUNT : field + 1;
    for (int f = first; f < end; f++) {
        tables[f] = mel_agree_table(answers, f, -1);
        scales[f] =
            mel_agreement_scale_new(&tables[f].table, kinds[mel_agree_field(f)->kind].distance);
    }
    for (int p = 0; p < (int)answers->people.count; p++) {
        PersonWalk walk = {.all = answers, .person = p, .fn = fn, .ctx = ctx};
        tell_person(answers, &walk, tables, scales, first, end);
    }
    for (int f = first; f < end; f++) {
        mel_agreement_scale_free(scales[f]);
        mel_agree_table_clear(&tables[f]);
    }
}
