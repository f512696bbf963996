/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/paper_tables.h"

#include <math.h>

#define NOT_OURS "another model, not part of Melkit"
#define TEXT_ALONE "text", "{\"modalities\":\"text\"}"

/* null: a key that is not the baseline's. */
#define TANGO                                                                                      \
    "{\"target\":\"tango++\",\"train\":null,\"modalities\":null,\"alpha_start\":null,"             \
    "\"synapse\":null}"

static const char *const titles[PAPER_TABLES] = {
    "Table 1: methods",
    "Table 2: place and sharing of α",
    "Table 3: α's learning rate",
    "Table 4: modalities",
    "Table 5: steps at guidance 7, guidance at 400 steps",
    "Table 6: length of the text",
    "Table 7: text-to-audio methods",
};

/* clang-format off */
/* table, inputs, name, what Melkit has not, training and what it is told, steps, guidance, words,
 * {MeLBench's FAD, KL, FD, IMSM}, {MusicCaps'} */
static const PaperRow rows[] = {
    {1, ROW_TEXT, "Riffusion", NOT_OURS, NULL, NULL, 0, 0, 0, 0,
        {{14.06, 1.42, 32.64, NAN}, {13.4, 1.19, NAN, NAN}}},
    {1, ROW_TEXT, "Mubert", NOT_OURS, NULL, NULL, 0, 0, 0, 0,
        {{NAN, NAN, NAN, NAN}, {9.6, 1.58, NAN, NAN}}},
    {1, ROW_TEXT, "MusicLM", NOT_OURS, NULL, NULL, 0, 0, 0, 0,
        {{3.62, 0.93, 23.44, NAN}, {4, 1.01, NAN, NAN}}},
    {1, ROW_TEXT, "Moûsai", NOT_OURS, NULL, NULL, 0, 0, 0, 0,
        {{9.13, 1.63, 31.51, NAN}, {7.5, 1.59, NAN, NAN}}},
    {1, ROW_TEXT, "Noise2Music", NOT_OURS, NULL, NULL, 0, 0, 0, 0,
        {{NAN, NAN, NAN, NAN}, {2.13, NAN, NAN, NAN}}},
    {1, ROW_TEXT, "MeLoDy", NOT_OURS, NULL, NULL, 0, 0, 0, 0,
        {{NAN, NAN, NAN, NAN}, {5.41, NAN, NAN, NAN}}},
    {1, ROW_TEXT, "MusicGen", NOT_OURS, NULL, NULL, 0, 0, 0, 0,
        {{3.28, 1.21, 23.6, NAN}, {3.4, 1.23, NAN, NAN}}},
    {1, ROW_BOTH, "MusicLM + InstructBLIP", NOT_OURS, NULL, NULL, 0, 0, 0, 0,
        {{3.88, 1.07, 24.96, 0.63}, {4.12, 1.18, 25.68, 0.55}}},
    {1, ROW_BOTH, "TANGO++", NULL, "tango++", TANGO, 0, 0, 0, 0,
        {{2.93, 1.14, 22.16, 0.71}, {3.05, 1.17, 23.91, 0.68}}},
    {1, ROW_BOTH, "MeLFusion", NULL, NULL, NULL, 0, 0, 0, 0,
        {{1.05, 0.72, 20.49, 0.83}, {1.12, 0.89, 22.65, 0.76}}},
    {2, ROW_BOTH, "one α, encoder", NULL, "shared-encoder", "{\"synapse\":{\"place\":\"encoder\",\"shared\":true}}", 0, 0, 0, 0,
        {{2.01, 1.01, 21.96, NAN}, {3.22, 1.23, 24.01, NAN}}},
    {2, ROW_BOTH, "one α, both", NULL, "shared-both", "{\"synapse\":{\"place\":\"both\",\"shared\":true}}", 0, 0, 0, 0,
        {{1.27, 0.87, 21.04, NAN}, {2.71, 1.13, 23.31, NAN}}},
    {2, ROW_BOTH, "one α, decoder", NULL, "shared-decoder", "{\"synapse\":{\"place\":\"decoder\",\"shared\":true}}", 0, 0, 0, 0,
        {{1.29, 0.87, 21.13, NAN}, {2.79, 1.14, 23.44, NAN}}},
    {2, ROW_BOTH, "α per block, encoder", NULL, "apart-encoder", "{\"synapse\":{\"place\":\"encoder\",\"shared\":false}}", 0, 0, 0, 0,
        {{1.92, 0.93, 21.28, NAN}, {2.03, 1.1, 23.36, NAN}}},
    {2, ROW_BOTH, "α per block, both", NULL, "apart-both", "{\"synapse\":{\"place\":\"both\",\"shared\":false}}", 0, 0, 0, 0,
        {{1.07, 0.76, 20.53, NAN}, {1.13, 0.94, 22.81, NAN}}},
    {2, ROW_BOTH, "α per block, decoder", NULL, NULL, NULL, 0, 0, 0, 0,
        {{1.05, 0.72, 20.49, NAN}, {1.12, 0.89, 22.65, NAN}}},
    {3, ROW_BOTH, "α's learning rate 0.5e-6", NULL, "alpha-rate-0.5e-6", "{\"alpha_learning_rate\":0.5e-6}", 0, 0, 0, 0,
        {{2.01, 1.14, 21.95, NAN}, {3.12, 1.21, 23.26, NAN}}},
    {3, ROW_BOTH, "α's learning rate 0.5e-4", NULL, "alpha-rate-0.5e-4", "{\"alpha_learning_rate\":0.5e-4}", 0, 0, 0, 0,
        {{1.39, 0.88, 20.86, NAN}, {1.38, 0.95, 22.81, NAN}}},
    {3, ROW_BOTH, "α's learning rate 1e-6", NULL, "alpha-rate-1e-6", "{\"alpha_learning_rate\":1e-6}", 0, 0, 0, 0,
        {{1.86, 1.1, 21.71, NAN}, {2.56, 1.17, 23.11, NAN}}},
    {3, ROW_BOTH, "α's learning rate 1e-5", NULL, "alpha-rate-1e-5", "{\"alpha_learning_rate\":1e-5}", 0, 0, 0, 0,
        {{1.05, 0.72, 20.49, NAN}, {1.12, 0.89, 22.65, NAN}}},
    {4, ROW_TEXT, "text only", NULL, TEXT_ALONE, 0, 0, 0, 0,
        {{3.11, 1.19, NAN, NAN}, {3.07, 1.21, NAN, NAN}}},
    {4, ROW_IMAGE, "image only", NULL, "image", "{\"modalities\":\"image\"}", 0, 0, 0, 0,
        {{4.16, 1.37, NAN, NAN}, {5.62, 1.54, NAN, NAN}}},
    {4, ROW_BOTH, "both", NULL, NULL, NULL, 0, 0, 0, 0,
        {{1.05, 0.72, NAN, 0.83}, {1.12, 0.89, NAN, 0.76}}},
    {5, ROW_BOTH, "50 steps", NULL, NULL, NULL, 50, 7, 0, 0,
        {{NAN, NAN, NAN, NAN}, {2.59, 1.97, 27.45, NAN}}},
    {5, ROW_BOTH, "200 steps", NULL, NULL, NULL, 200, 7, 0, 0,
        {{NAN, NAN, NAN, NAN}, {1.35, 1.12, 25.22, NAN}}},
    {5, ROW_BOTH, "400 steps", NULL, NULL, NULL, 400, 7, 0, 0,
        {{NAN, NAN, NAN, NAN}, {1.12, 0.89, 22.65, NAN}}},
    {5, ROW_BOTH, "600 steps", NULL, NULL, NULL, 600, 7, 0, 0,
        {{NAN, NAN, NAN, NAN}, {1.09, 0.88, 22.57, NAN}}},
    {5, ROW_BOTH, "800 steps", NULL, NULL, NULL, 800, 7, 0, 0,
        {{NAN, NAN, NAN, NAN}, {1.07, 0.77, 22.48, NAN}}},
    {5, ROW_BOTH, "guidance 2", NULL, NULL, NULL, 400, 2, 0, 0,
        {{NAN, NAN, NAN, NAN}, {1.47, 1.13, 24.64, NAN}}},
    {5, ROW_BOTH, "guidance 7", NULL, NULL, NULL, 400, 7, 0, 0,
        {{NAN, NAN, NAN, NAN}, {1.12, 0.89, 22.65, NAN}}},
    {5, ROW_BOTH, "guidance 20", NULL, NULL, NULL, 400, 20, 0, 0,
        {{NAN, NAN, NAN, NAN}, {1.51, 1.18, 24.92, NAN}}},
    {5, ROW_BOTH, "guidance 30", NULL, NULL, NULL, 400, 30, 0, 0,
        {{NAN, NAN, NAN, NAN}, {1.63, 1.29, 25.38, NAN}}},
    {5, ROW_BOTH, "guidance 50", NULL, NULL, NULL, 400, 50, 0, 0,
        {{NAN, NAN, NAN, NAN}, {1.58, 1.34, 24.87, NAN}}},
    {6, ROW_TEXT, "8 to 13 words", NULL, TEXT_ALONE, 0, 0, 8, 13,
        {{5.28, 1.35, 25.81, NAN}, {NAN, NAN, NAN, NAN}}},
    {6, ROW_TEXT, "14 to 19 words", NULL, TEXT_ALONE, 0, 0, 14, 19,
        {{3.13, 1.2, 23.11, NAN}, {NAN, NAN, NAN, NAN}}},
    {6, ROW_TEXT, "20 words and more", NULL, TEXT_ALONE, 0, 0, 20, 0,
        {{3.02, 1.19, 22.65, NAN}, {NAN, NAN, NAN, NAN}}},
    {6, ROW_BOTH, "up to 7 words, and the image", NULL, NULL, NULL, 0, 0, 0, 7,
        {{1.86, 0.87, 21.36, NAN}, {NAN, NAN, NAN, NAN}}},
    {7, ROW_TEXT, "AudioLDM", NOT_OURS, NULL, NULL, 0, 0, 0, 0,
        {{1.86, 1.42, 22.49, NAN}, {2.29, 1.29, 24.07, NAN}}},
    {7, ROW_TEXT, "TANGO", NULL, TEXT_ALONE, 0, 0, 0, 0,
        {{1.93, 1.18, 21.92, NAN}, {1.96, 1.17, 23.31, NAN}}},
    {7, ROW_BOTH, "MeLFusion", NULL, NULL, NULL, 0, 0, 0, 0,
        {{1.05, 0.72, 20.49, NAN}, {1.12, 0.89, 22.65, NAN}}},
};
/* clang-format on */

const char *cli_paper_title(int table)
{
    return titles[table - 1];
}

const PaperRow *cli_paper_rows(size_t *count)
{
    *count = sizeof rows / sizeof *rows;
    return rows;
}
