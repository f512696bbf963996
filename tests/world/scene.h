/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures: films of one to three shots, each a scene that a viewer could name, drawn with cairo.
 * The mood says which two kinds of scene; where things stand is drawn per shot, so that two films
 * look alike only when they share their factors. */
#ifndef MEL_WORLD_SCENE_H
#define MEL_WORLD_SCENE_H

#include "tests/world/factors.h"

#include <stddef.h>

enum { FILM_SHOTS_MAX = 3 };

typedef struct FilmShot {
    double start_s;
    const char *scene; /* "sea", "city", … */
} FilmShot;

/* The shots of a film; returns how many. */
int mel_film_shots(const PictureFactors *picture, double seconds, FilmShot shots[FILM_SHOTS_MAX]);

typedef struct Film Film;

/* A film of `seconds`, drawn at width x height pixels. */
Film *mel_film_new(const PictureFactors *picture, double seconds, int width, int height);
void mel_film_free(Film *film); /* NULL is fine */

/* The frame at t_s: rows of 4-byte B, G, R, unused; borrowed until the next call. Times must not
 * go back across a shot. */
const uint8_t *mel_film_frame(Film *film, double t_s, ptrdiff_t *stride_out);

#endif
