/* SPDX-License-Identifier: Apache-2.0
 *
 * How far people agree: statistics over a table of answers, without any store. What is not defined
 * (nobody answered twice, everybody said one and the same) comes with a sentence that says why,
 * never as a NaN alone. */
#ifndef MEL_CURATOR_AGREEMENT_H
#define MEL_CURATOR_AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Answers by unit (row) and rater (column), [units, raters]; NAN = no answer. A value is a code
 * (nominal), a rank (ordinal), a number (interval, ratio), or, where `words` > 0, a set: the number
 * of its row of `sets`, [any, words], one bit a member. Equal sets must have the same number. */
typedef struct AgreementTable {
    int64_t units;
    int raters;
    const double *values;
    const uint64_t *sets;
    int words;
} AgreementTable;

typedef enum AgreementDistance {
    AGREEMENT_NOMINAL,
    AGREEMENT_ORDINAL,
    AGREEMENT_INTERVAL,
    AGREEMENT_RATIO,   /* of values above 0 */
    AGREEMENT_JACCARD, /* sets: 1 - shared / all members; two empty sets agree */
    AGREEMENT_MASI,    /* sets: 1 - M * shared / all, M = 1 equal, 2/3 one within the other, 1/3
                          overlapping, 0 apart (Passonneau, LREC 2006) */
} AgreementDistance;

typedef struct AgreementResult {
    bool defined;
    double value;       /* NAN unless defined */
    const char *reason; /* a static sentence when not defined, else NULL */
    int64_t units;      /* that took part: answered by two or more */
    int raters;         /* who answered one of those; 0 where one rater is asked about */
    bool has_interval;  /* 95 %, by bootstrap over units */
    double low, high;
} AgreementResult;

/* Percentile bootstrap: `draws` resamplings of the units, the same for the same seed. */
typedef struct AgreementBootstrap {
    int draws;
    uint64_t seed;
} AgreementBootstrap;

enum { AGREEMENT_DRAWS = 1000 };

/* Krippendorff's alpha (Content Analysis, 2nd edition 2004, chapter 11): 1 - observed / expected
 * disagreement, for any number of raters and with missing answers. 1 is perfect, 0 is chance, below
 * 0 is worse than chance. Jaccard and MASI stand in the place of the squared difference.
 * `bootstrap` may be NULL. Beyond 512 different sets or numbers the interval takes the expected
 * disagreement of a draw to the first order around that of the whole. */
AgreementResult mel_agreement_alpha(const AgreementTable *table, AgreementDistance distance,
                                    const AgreementBootstrap *bootstrap);

/* A table made ready for many questions about single raters. The table must outlive it. */
typedef struct AgreementScale AgreementScale;
AgreementScale *mel_agreement_scale_new(const AgreementTable *table, AgreementDistance distance);
void mel_agreement_scale_free(AgreementScale *scale); /* NULL is fine */

/* One rater against the others: 1 - that rater's mean disagreement with them / the disagreement
 * expected of the whole table, so that several raters, and a rater's months, share one scale.
 * among[unit] says which units count; NULL: all of them. */
AgreementResult mel_agreement_of_rater(const AgreementScale *scale, int rater, const bool *among);

typedef enum AgreementRule {
    AGREEMENT_EQUAL,  /* the values, or the sets, are the same */
    AGREEMENT_WITHIN, /* the difference is at most the tolerance */
    AGREEMENT_FACTOR, /* the larger is at most 1 + tolerance times the smaller */
    AGREEMENT_OCTAVE, /* one is twice the other, within that factor */
} AgreementRule;

/* Share of a unit's pairs of answers that meet the rule, mean over units: no chance correction. */
AgreementResult mel_agreement_share(const AgreementTable *table, AgreementRule rule,
                                    double tolerance, const AgreementBootstrap *bootstrap);

/* The same over the pairs of one rater with the others, in the units of among[] (NULL: all). */
AgreementResult mel_agreement_share_of_rater(const AgreementTable *table, AgreementRule rule,
                                             double tolerance, int rater, const bool *among);

/* Cohen's kappa of two raters (Educational and Psychological Measurement 20, 1960); `weighted`:
 * with quadratic weights over the values, which must be ranks or numbers (Cohen 1968). */
AgreementResult mel_agreement_cohen(const AgreementTable *table, int a, int b, bool weighted);

/* Fleiss' kappa (Psychological Bulletin 76, 1971). Not defined unless every unit that has two
 * answers has the same number of them. */
AgreementResult mel_agreement_fleiss(const AgreementTable *table);

/* Gwet's AC1 (British Journal of Mathematical and Statistical Psychology 61, 2008), which skewed
 * answers do not pull down. `categories`: how many could have been given; 0: those that were. */
AgreementResult mel_agreement_ac1(const AgreementTable *table, int categories);

#endif
