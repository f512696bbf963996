/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/groove.h"

#include <string.h>

/* clang-format off */
static const Groove grooves[] = {
    {GENRE_NEW_AGE, METRE_4_4, FEEL_STRAIGHT, "1-2-3-4-3-2-3-2-", "1---------------", {0}},
    {GENRE_NEW_AGE, METRE_6_8, FEEL_STRAIGHT, "1-2-3-4-3-2-", "1-----------", {0}},
    {GENRE_CLASSICAL, METRE_3_4, FEEL_STRAIGHT, "....X-..X-..", "1-------5-..", {0}},
    {GENRE_CLASSICAL, METRE_4_4, FEEL_STRAIGHT, "1-3-2-3-1-3-2-3-", "1-------5-------", {0}},
    {GENRE_LATIN, METRE_4_4, FEEL_SYNCOPATED, "X.xX.x.X.xX.x.X.", "1-----5-----8-..",
        {"V:X..X..X...X.X...", "G:......x.......xX", "g:..o.x..o..o.x...", "M:x.oxx.oxx.oxx.ox",
        "R:X...x...X...x...", "K:X.......o......."}},
    {GENRE_LATIN, METRE_4_4, FEEL_SYNCOPATED, "X-.X-.X-..X-X-..", "1-----1-8-----5-",
        {"K:X.....X.X.....X.", "R:..X..X....X..X..", "M:xoxoxoxoxoxoxoxo", "G:..x...X...x...xX",
        "g:x..o..o.x..o...."}},
    {GENRE_R_AND_B, METRE_4_4, FEEL_SYNCOPATED, "X-----x-..X---..", "1--.....1.8--...",
        {"K:X......X.xX.....", "S:....X.......X...", "C:....x.......X...", "H:x.xox.xxx.xox.x.",
        "M:..x...x...x...x."}},
    {GENRE_EASY_LISTENING, METRE_4_4, FEEL_STRAIGHT, "X---..X-..X-x---", "1-----5-1---5---",
        {"K:X.....x.x.......", "R:....x.......x...", "D:x.o.x.o.x.o.x.o.", "B:X...x...X...x..."}},
    {GENRE_EASY_LISTENING, METRE_3_4, FEEL_STRAIGHT, "....X-..X-..", "1-------5-..",
        {"K:X...........", "B:X...x...x...", "D:x...x.o.x.o."}},
    {GENRE_METAL, METRE_4_4, FEEL_STRAIGHT, "X-xxX-xxX-xxX-xx", "1.111.111.111.11",
        {"K:X.xxX.xxX.xxX.xx", "S:....X.......X...", "D:X...X...X...X...", "H:..o...o...o...o."}},
    {GENRE_METAL, METRE_4_4, FEEL_STRAIGHT, "X--xX--xX-x-X-X-", "1..11..11.1.1.1.",
        {"K:xxxxxxxxxxxxxxxx", "S:........X.......", "O:X...X...X...X..."}},
    {GENRE_JAZZ, METRE_4_4, FEEL_SWING, "X-....x-....X-..", "1---3---5---w---",
        {"D:X...x.oxX...x.ox", "H:....X.......X...", "S:......o......o..", "K:o.......o.....o."}},
    {GENRE_JAZZ, METRE_4_4, FEEL_SWING, "..X-......x-..x-", "1---5---7---w---",
        {"D:X...x.oxX...x.ox", "H:....X.......X...", "S:..........o...o.", "K:x...............",
        "B:x...x...x...x..."}},
    {GENRE_WORLD, METRE_ODD, FEEL_SYNCOPATED, "1.2.3.4.2.3.4.", "..............",
        {"G:X.....x...X...", "g:..x.x..ox.x.xo", "A:X.....X...X..."}},
    {GENRE_WORLD, METRE_4_4, FEEL_SYNCOPATED, "1.2.3.1.4.3.2.3.", "................",
        {"G:X..x..X...x.X...", "g:..o.x..xo.x..xxo", "A:x...x...x...x..."}},
    {GENRE_HIP_HOP, METRE_4_4, FEEL_SYNCOPATED, "X---......x-....", "1----..1..1-....",
        {"K:X......x..X.....", "S:....X.......X...", "H:x.x.x.xxx.x.x.xo", "C:............x..."}},
    {GENRE_HIP_HOP, METRE_4_4, FEEL_STRAIGHT, "1-2-3-4-3-2-....", "1-----....8-1---",
        {"K:X.....X...X.....", "C:........X.......", "H:xoxoxoxxxoxoxxxx", "O:..............x."}},
    {GENRE_POP, METRE_4_4, FEEL_STRAIGHT, "X---x---X---x-x-", "1.1.1.1.1.1.1.1.",
        {"K:X.......X.x.....", "S:....X.......X...", "H:x.x.x.x.x.x.x.x.", "C:....o.......o..."}},
    {GENRE_POP, METRE_4_4, FEEL_SYNCOPATED, "X--x--X---x-x-x-", "1--1--1-..1-8-5-",
        {"K:X...X...X...X...", "C:....X.......X...", "H:..x...x...x...x.", "M:xoxoxoxoxoxoxoxo"}},
    {GENRE_BLUES, METRE_4_4, FEEL_SHUFFLE, "X-x-..x-X-x-..x-", "1-1-3-3-5-5-w-7-",
        {"K:X.......X.......", "S:....X.......X...", "D:X.x.X.x.X.x.X.x."}},
    {GENRE_BLUES, METRE_6_8, FEEL_SHUFFLE, "X---..x-x-..", "1-----5-..w-",
        {"K:X.....o.....", "S:......X.....", "H:X.x.x.X.x.x."}},
    {GENRE_COUNTRY, METRE_4_4, FEEL_STRAIGHT, "1-..X-x-1-..X-x-", "1-------5-------",
        {"K:X.......X.......", "S:o.x.Xox.o.x.Xox.", "H:..x...x...x...x."}},
    {GENRE_ROCK, METRE_4_4, FEEL_STRAIGHT, "X-x-x-x-X-x-x-x-", "1.1.1.1.1.1.1.1.",
        {"K:X.......X.X.....", "S:....X.......X...", "H:X.x.X.x.X.x.X.x."}},
    {GENRE_ROCK, METRE_4_4, FEEL_SYNCOPATED, "X--X--X-..X-X-..", "1..1..1...1.1.5.",
        {"K:X..X......X.....", "S:....X.......X...", "O:x...x...x...x...", "A:..x...x...x...x."}},
    {GENRE_FOLK, METRE_4_4, FEEL_STRAIGHT, "1-3-2-4-1-3-2-4-", "1-------5-------", {0}},
    {GENRE_FOLK, METRE_6_8, FEEL_STRAIGHT, "1-2-3-4-3-2-", "1-----5-----", {0}},
    {GENRE_FOLK, METRE_3_4, FEEL_STRAIGHT, "1-..X-x-X-x-", "1-------5---", {0}},
    {GENRE_ELECTRONIC, METRE_4_4, FEEL_STRAIGHT, "..X-..X-..X-..X-", "..1-..1-..1-..18",
        {"K:X...X...X...X...", "C:....X.......X...", "O:..X...X...X...X.", "H:xoxoxoxoxoxoxoxo"}},
    {GENRE_ELECTRONIC, METRE_4_4, FEEL_SYNCOPATED, "X..X..X..X..X.X.", "1.11.11.1.11.118",
        {"K:X...X...X...X...", "S:....X.......X..o", "H:..X...X...X...X.", "M:xxxxxxxxxxxxxxxx"}},
};
/* clang-format on */

enum { GROOVES = MEL_COUNT(grooves) };

typedef struct Family {
    Genre genre;
    Progression major[2], minor[2];
} Family;

/* clang-format off */
static const Family families[GENRE_COUNT] = {
    {GENRE_NEW_AGE, {{4, {0, 3, 0, 4}}, {4, {0, 2, 3, 0}}}, {{4, {0, 5, 3, 0}}, {4, {0, 2, 5, 6}}}},
    {GENRE_CLASSICAL,
     {{8, {0, 4, 5, 2, 3, 0, 3, 4}}, {8, {0, 3, 4, 0, 5, 1, 4, 0}}},
     {{8, {0, 3, 4, 0, 5, 3, 4, 4}}, {8, {0, 4, 0, 3, 6, 2, 4, 0}}}},
    {GENRE_LATIN, {{4, {0, 3, 4, 3}}, {4, {1, 4, 0, 0}}}, {{4, {0, 6, 5, 4}}, {4, {0, 3, 4, 0}}}},
    {GENRE_R_AND_B, {{4, {3, 2, 1, 0}}, {4, {0, 5, 1, 4}}}, {{4, {0, 3, 6, 2}}, {4, {5, 4, 0, 0}}}},
    {GENRE_EASY_LISTENING,
     {{4, {0, 5, 1, 4}}, {8, {0, 2, 3, 4, 0, 5, 1, 4}}},
     {{4, {0, 3, 6, 2}}, {4, {0, 5, 3, 4}}}},
    {GENRE_METAL, {{4, {0, 6, 3, 0}}, {4, {0, 0, 6, 3}}}, {{4, {0, 5, 6, 0}}, {4, {0, 1, 0, 5}}}},
    {GENRE_JAZZ,
     {{4, {1, 4, 0, 5}}, {8, {0, 5, 1, 4, 2, 5, 1, 4}}},
     {{8, {0, 3, 6, 2, 5, 1, 4, 0}}, {4, {1, 4, 0, 0}}}},
    {GENRE_WORLD, {{2, {0, 0}}, {4, {0, 0, 6, 0}}}, {{4, {0, 0, 1, 0}}, {2, {0, 0}}}},
    {GENRE_HIP_HOP, {{2, {0, 3}}, {4, {3, 4, 5, 0}}}, {{4, {0, 0, 5, 4}}, {2, {0, 5}}}},
    {GENRE_POP, {{4, {0, 4, 5, 3}}, {4, {5, 3, 0, 4}}}, {{4, {0, 5, 2, 6}}, {4, {0, 3, 5, 6}}}},
    {GENRE_BLUES,
     {{12, {0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4}}, {12, {0, 3, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4}}},
     {{12, {0, 0, 0, 0, 3, 3, 0, 0, 5, 4, 0, 4}}, {12, {0, 3, 0, 0, 3, 3, 0, 0, 5, 4, 0, 0}}}},
    {GENRE_COUNTRY,
     {{4, {0, 3, 0, 4}}, {8, {0, 0, 3, 0, 0, 4, 3, 0}}},
     {{4, {0, 6, 5, 0}}, {4, {0, 3, 0, 4}}}},
    {GENRE_ROCK, {{4, {0, 6, 3, 0}}, {4, {0, 3, 4, 3}}}, {{4, {0, 6, 5, 6}}, {4, {0, 2, 6, 3}}}},
    {GENRE_FOLK,
     {{4, {0, 4, 3, 0}}, {8, {0, 3, 0, 4, 5, 3, 4, 0}}},
     {{4, {0, 6, 0, 4}}, {4, {0, 2, 6, 0}}}},
    {GENRE_ELECTRONIC,
     {{4, {5, 3, 0, 4}}, {4, {0, 0, 3, 3}}},
     {{4, {0, 5, 2, 6}}, {4, {0, 0, 5, 6}}}},
};
/* clang-format on */

int mel_groove_count(Genre genre)
{
    int count = 0;
    for (int i = 0; i < GROOVES; i++)
        count += grooves[i].genre == genre;
    return count;
}

const Groove *mel_groove(Genre genre, int index)
{
    for (int i = 0; i < GROOVES; i++)
        if (grooves[i].genre == genre && index-- == 0) return &grooves[i];
    MEL_ASSERT(!"no such groove");
    return NULL;
}

int mel_groove_steps(const Groove *groove)
{
    return (int)strlen(groove->chords);
}

int mel_groove_steps_per_beat(const Groove *groove)
{
    return groove->metre == METRE_6_8 ? 6 : 4;
}

const Progression *mel_progression(Genre genre, Mode mode, int pick)
{
    const Family *family = &families[genre];
    MEL_ASSERT(family->genre == genre);
    return mode >= MODE_MINOR ? &family->minor[pick] : &family->major[pick];
}

bool mel_genre_sevenths(Genre genre)
{
    return genre == GENRE_JAZZ || genre == GENRE_R_AND_B || genre == GENRE_EASY_LISTENING ||
           genre == GENRE_BLUES;
}
