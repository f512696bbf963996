/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the pictures: what a shot is and the kinds of scene. Units: the picture is 1 high and
 * shot->width wide, y grows downwards, angles are in radians. */
#ifndef MEL_WORLD_SCENE_KINDS_H
#define MEL_WORLD_SCENE_KINDS_H

#include "tests/world/factors.h"

#include <cairo.h>
#include <math.h>

enum { SHOT_ELEMENTS = 96 };

/* One thing in the picture; each scene reads it in its own way. All but x in 0..1. */
typedef struct Element {
    double x, y; /* x: 0..width */
    double size, phase, pace;
    int tint; /* 0..2: which accent */
} Element;

typedef struct Shot {
    Palette palette;
    double width; /* of the picture, in heights */
    double motion;
    double horizon;          /* 0.45..0.8 */
    double light_x, light_y; /* sun, moon; x 0..width, y 0.1..0.4 */
    double light_size;       /* 0.05..0.14 */
    double side;             /* -1 or 1: where the big thing stands */
    double amount;           /* 0.4..1: how many things */
    Element elements[SHOT_ELEMENTS];
} Shot;

typedef struct SceneKind {
    const char *id;
    void (*backdrop)(cairo_t *cr, const Shot *shot);         /* what stands still, drawn once */
    void (*moving)(cairo_t *cr, const Shot *shot, double t); /* what moves, t in scene seconds */
} SceneKind;

extern const SceneKind scene_sea, scene_mountains, scene_balloons, scene_meadow, scene_desert;
extern const SceneKind scene_rain, scene_autumn, scene_storm, scene_aurora, scene_underwater;
extern const SceneKind scene_stage, scene_neon, scene_city, scene_castle, scene_campfire,
    scene_lanterns;

/* ---- drawing ---- */

Color color_mix(Color a, Color b, double share_of_b);
void paint(cairo_t *cr, Color color, double alpha); /* sets the source */
void fill_sky(cairo_t *cr, const Shot *shot, Color top, Color low, double bottom);
void draw_disc(cairo_t *cr, double x, double y, double radius); /* fills */
void draw_glow(cairo_t *cr, double x, double y, double radius, Color color, double alpha);
void draw_box(cairo_t *cr, double x, double y, double width, double height);
void draw_cloud(cairo_t *cr, double x, double y, double size, const Element *element);

/* A hilly line across the picture, filled down to the bottom; `first` picks three elements. */
void draw_ridge(cairo_t *cr, const Shot *shot, int first, double base, double height, double waves);
double ridge_y(const Shot *shot, int first, double base, double height, double waves, double x);

/* x + speed * t brought back into [-margin, width + margin). */
double drift(const Shot *shot, double x, double distance, double margin);

static inline double turn(double phase)
{
    return 2 * M_PI * phase;
}

#endif
