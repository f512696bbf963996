/* SPDX-License-Identifier: Apache-2.0 */
#include "annotator/agreement_report.h"

#include <math.h>
#include <stdlib.h>

/* Rows come person by person, in the order of the names; months are a matter of the command. */
static void take_row(void *ctx, const AgreePerson *row)
{
    AgreementReport *report = ctx;
    if (row->month) return;
    for (size_t p = 0; p < report->answers.people.count; p++) {
        AgreementPerson *person = &report->people[p];
        if (!mel_equal(person->name, row->person)) continue;
        mel_grow(&person->rows, &person->capacity, person->count + 1, sizeof *person->rows);
        person->rows[person->count++] = *row;
    }
}

/* By the rule of the headline: the frame's share is no alpha. */
static void find_mean(AgreementPerson *person)
{
    double sum = 0;
    for (size_t i = 0; i < person->count; i++) {
        const AgreePerson *row = &person->rows[i];
        if (row->retest || !row->main.result.defined) continue;
        if (mel_agree_field(row->field)->kind == AGREE_FRAME) continue;
        sum += row->main.result.value;
        person->alphas++;
    }
    person->mean = person->alphas ? sum / person->alphas : NAN;
}

static void compute(AgreementReport *report, const AgreementBootstrap *bootstrap)
{
    size_t people = report->answers.people.count;
    for (int f = 0; f < AGREE_FIELD_COUNT; f++)
        report->rows[f] = mel_agree_row(&report->answers, f, bootstrap, false);
    report->headline = mel_agree_headline(report->rows, AGREE_FIELD_COUNT, &report->alphas);
    report->shared_clips = mel_agree_shared_clips(&report->answers);
    report->people = mel_alloc((people + 1) * sizeof *report->people);
    for (size_t p = 0; p < people; p++)
        report->people[p].name = report->answers.people.names[p];
    mel_agree_each_person(&report->answers, -1, take_row, report);
    for (size_t p = 0; p < people; p++)
        find_mean(&report->people[p]);
}

bool agreement_report_new(const char *folder, const AgreementBootstrap *bootstrap,
                          AgreementReport **out, Err *err)
{
    Db *db = NULL;
    AgreementReport *report = mel_alloc(sizeof *report);
    bool ok =
        mel_db_open(folder, DB_READ, &db, err) && mel_agree_gather(db, NULL, &report->answers, err);
    mel_db_close(db);
    if (!ok) {
        free(report);
        return false;
    }
    compute(report, bootstrap);
    *out = report;
    return true;
}

void agreement_report_free(AgreementReport *report)
{
    if (!report) return;
    for (size_t p = 0; report->people && p < report->answers.people.count; p++)
        free(report->people[p].rows);
    free(report->people);
    mel_agree_answers_clear(&report->answers);
    free(report);
}
