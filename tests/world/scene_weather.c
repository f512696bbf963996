/* SPDX-License-Identifier: Apache-2.0
 *
 * Scenes of weather and water: rain on a window, autumn forest, thunderstorm, northern lights,
 * under water. */
#include "tests/world/scene_kinds.h"

/* ---- rain on a window ---- */

static void rain_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, 1);
    for (int i = 0; i < 9; i++) { /* houses and lamps, out of focus */
        const Element *e = &shot->elements[i];
        paint(cr, color_mix(p->far, p->sky_low, 0.5 * e->pace), 0.9);
        double top = 0.35 + 0.4 * e->y, half = 0.08 + 0.12 * e->size;
        draw_box(cr, e->x - half, top, 2 * half, 1 - top);
    }
    for (int i = 0; i < 4 + (int)(8 * shot->amount); i++) {
        const Element *e = &shot->elements[10 + i];
        draw_glow(cr, e->x, 0.4 + 0.5 * e->y, 0.06 + 0.13 * e->size,
                  color_mix(p->accents[e->tint], p->light, 0.5), 0.8);
    }
    paint(cr, color_mix(p->near, (Color){0, 0, 0}, 0.4), 1); /* the frame */
    double bar = shot->width * (0.35 + 0.3 * shot->elements[22].size);
    draw_box(cr, bar, 0, 0.035, 1);
    draw_box(cr, 0, 0.25 + 0.3 * shot->elements[22].pace, shot->width, 0.03);
    draw_box(cr, 0, 0.93, shot->width, 0.07);
    draw_box(cr, shot->side > 0 ? 0 : shot->width - 0.12, 0, 0.12, 1);
}

static void rain_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    Color drop = color_mix(p->sky_low, (Color){1, 1, 1}, 0.55);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    for (int i = 0; i < 60; i++) {
        const Element *e = &shot->elements[24 + i];
        double fall = fmod(e->y + t * (0.06 + 0.35 * e->pace * e->pace), 1.2);
        double x = e->x + 0.012 * sin(turn(2 * fall + e->phase)), size = 0.006 + 0.009 * e->size;
        paint(cr, drop, 0.3);
        cairo_set_line_width(cr, 0.8 * size);
        cairo_move_to(cr, e->x, fall - 0.05 - 0.2 * e->pace);
        cairo_line_to(cr, x, fall);
        cairo_stroke(cr);
        paint(cr, drop, 0.85);
        draw_disc(cr, x, fall, size);
    }
}

const SceneKind scene_rain = {"rain-on-window", rain_backdrop, rain_moving};

/* ---- autumn forest ---- */

static void draw_bare_tree(cairo_t *cr, double x, double foot, double size, double bend, int depth)
{
    cairo_save(cr);
    cairo_translate(cr, x, foot);
    cairo_rotate(cr, bend);
    cairo_set_line_width(cr, 0.09 * size);
    cairo_move_to(cr, 0, 0);
    cairo_line_to(cr, 0, -size);
    cairo_stroke(cr);
    if (depth > 0) {
        draw_bare_tree(cr, 0, -0.95 * size, 0.62 * size, -0.5 + 0.3 * bend, depth - 1);
        draw_bare_tree(cr, 0, -0.9 * size, 0.58 * size, 0.55 + 0.3 * bend, depth - 1);
        draw_bare_tree(cr, 0, -0.6 * size, 0.45 * size, (depth % 2 ? -0.9 : 0.95), depth - 1);
    }
    cairo_restore(cr);
}

static void autumn_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, 1);
    draw_glow(cr, shot->light_x, shot->light_y, 0.4, p->light, 0.4);
    paint(cr, color_mix(p->far, p->sky_low, 0.6), 1);
    draw_ridge(cr, shot, 0, shot->horizon + 0.05, 0.25, 1.2);
    paint(cr, color_mix(p->near, p->accents[0], 0.4), 1);
    draw_ridge(cr, shot, 3, shot->horizon + 0.22, 0.1, 0.6);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    int trees = 3 + (int)(5 * shot->amount);
    for (int i = 0; i < trees; i++) {
        const Element *e = &shot->elements[8 + i];
        double near = (i + 1.0) / trees;
        double foot = shot->horizon + 0.12 + 0.2 * near;
        paint(cr, color_mix(p->far, p->near, near), 1);
        draw_bare_tree(cr, e->x, foot, 0.12 + 0.2 * near + 0.07 * e->size, 0.2 * (e->phase - 0.5),
                       3);
        for (int leaf = 0; leaf < 9; leaf++) {
            double angle = turn(leaf / 9.0 + e->phase), far = 0.1 + 0.16 * near;
            paint(cr, p->accents[leaf % 2], 0.8);
            draw_disc(cr, e->x + far * cos(angle),
                      foot - 0.3 - 0.25 * near + 0.7 * far * sin(angle), 0.012 + 0.014 * near);
        }
    }
}

static void autumn_moving(cairo_t *cr, const Shot *shot, double t)
{
    for (int i = 0; i < 34; i++) {
        const Element *e = &shot->elements[24 + i];
        double y = fmod(e->y + (0.12 + 0.14 * e->pace) * t, 1.1);
        double swing = sin(turn(0.4 * t + e->phase));
        double x = drift(shot, e->x, 0.07 * swing + 0.06 * t * shot->side, 0.05);
        double size = 0.012 + 0.018 * e->size;
        paint(cr, shot->palette.accents[i % 2], 1);
        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_rotate(cr, 1.2 * swing + turn(e->phase));
        cairo_scale(cr, 1, 0.45);
        draw_disc(cr, 0, 0, size);
        cairo_restore(cr);
    }
}

const SceneKind scene_autumn = {"autumn-forest", autumn_backdrop, autumn_moving};

/* ---- thunderstorm ---- */

static void storm_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, 1);
    paint(cr, p->far, 1);
    draw_ridge(cr, shot, 0, shot->horizon + 0.12, 0.25, 1.3);
    paint(cr, p->near, 1);
    draw_ridge(cr, shot, 3, shot->horizon + 0.26, 0.16, 0.8);
    const Element *e = &shot->elements[6];
    double x = shot->width * (0.5 + 0.38 * shot->side * e->size), height = 0.22 + 0.2 * e->pace;
    double foot = shot->horizon + 0.2;
    draw_box(cr, x - 0.035, foot - height, 0.07, height + 0.1); /* a lighthouse */
    draw_box(cr, x - 0.06, foot - height - 0.02, 0.12, 0.03);
    draw_box(cr, x - 0.03, foot - height - 0.08, 0.06, 0.06);
}

static void draw_lightning(cairo_t *cr, const Shot *shot, double t, double level)
{
    int strike = (int)floor(t / 1.7);
    const Element *e = &shot->elements[40 + (strike % 40 + 40) % 40];
    paint(cr, shot->palette.light, 0.12 * level);
    draw_box(cr, 0, 0, shot->width, 1);
    paint(cr, shot->palette.light, level);
    cairo_set_line_width(cr, 0.011);
    double x = e->x, y = 0.12;
    cairo_move_to(cr, x, y);
    for (int i = 0; i < 6; i++) {
        const Element *bend = &shot->elements[(strike % 40 + 40 + i * 7) % 80];
        x += 0.2 * (bend->phase - 0.5);
        y += (shot->horizon - 0.1) / 6;
        cairo_line_to(cr, x, y);
    }
    cairo_stroke(cr);
}

static void storm_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    double since = t / 1.7 - floor(t / 1.7);
    if (since < 0.3) draw_lightning(cr, shot, t, sin(M_PI * since / 0.3));
    for (int i = 0; i < 9; i++) {
        const Element *e = &shot->elements[10 + i];
        paint(cr, color_mix(p->sky_top, p->near, 0.3 + 0.6 * e->pace), 0.9);
        draw_cloud(cr, drift(shot, e->x, (0.08 + 0.07 * e->pace) * t * shot->side, 0.5),
                   0.26 * e->y, 0.14 + 0.14 * e->size, e);
    }
    paint(cr, color_mix(p->sky_low, (Color){1, 1, 1}, 0.5), 0.45);
    cairo_set_line_width(cr, 0.004);
    for (int i = 0; i < 70; i++) {
        const Element *e = &shot->elements[20 + i];
        double y = fmod(e->y + (1.1 + 0.5 * e->pace) * t, 1.15) - 0.1;
        double x = drift(shot, e->x, 0.25 * t * shot->side, 0.1);
        cairo_move_to(cr, x, y);
        cairo_line_to(cr, x + 0.02 * shot->side, y + 0.08);
        cairo_stroke(cr);
    }
}

const SceneKind scene_storm = {"thunderstorm", storm_backdrop, storm_moving};

/* ---- northern lights ---- */

static void aurora_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, color_mix(p->sky_top, (Color){0, 0, 0}, 0.5), p->sky_low, 1);
    for (int i = 0; i < 70; i++) {
        const Element *e = &shot->elements[i];
        paint(cr, (Color){1, 1, 1}, 0.3 + 0.6 * e->pace);
        draw_disc(cr, e->x, 0.8 * e->y, 0.002 + 0.004 * e->size);
    }
}

static void aurora_moving(cairo_t *cr, const Shot *shot, double t)
{
    enum { STRIPES = 48 };
    const Palette *p = &shot->palette;
    for (int band = 0; band < 2; band++) {
        const Element *e = &shot->elements[band * 5];
        Color color = p->accents[(e->tint + band) % 3];
        double middle = 0.2 + 0.3 * e->y;
        cairo_pattern_t *curtain = cairo_pattern_create_linear(0, -0.28, 0, 0.08);
        cairo_pattern_add_color_stop_rgba(curtain, 0, color.r, color.g, color.b, 0);
        cairo_pattern_add_color_stop_rgba(curtain, 0.75, color.r, color.g, color.b, 0.75);
        cairo_pattern_add_color_stop_rgba(curtain, 1, color.r, color.g, color.b, 0);
        for (int i = 0; i < STRIPES; i++) {
            double x = shot->width * i / STRIPES, wave = x * (1.2 + e->pace);
            double y = middle + 0.1 * sin(turn(0.5 * wave + 0.1 * t + e->phase)) +
                       0.04 * sin(turn(1.6 * wave - 0.17 * t));
            cairo_save(cr);
            cairo_translate(cr, x, y + shot->side * 0.12 * (x / shot->width - 0.5));
            cairo_scale(cr, 1, 0.7 + 0.6 * e->size);
            cairo_set_source(cr, curtain);
            draw_box(cr, 0, -0.28, shot->width / STRIPES + 0.002, 0.36);
            cairo_restore(cr);
        }
        cairo_pattern_destroy(curtain);
    }
    paint(cr, p->far, 1);
    draw_ridge(cr, shot, 20, shot->horizon + 0.12, 0.2, 1.1);
    paint(cr, p->near, 1);
    draw_ridge(cr, shot, 24, shot->horizon + 0.28, 0.16, 0.7);
}

const SceneKind scene_aurora = {"northern-lights", aurora_backdrop, aurora_moving};

/* ---- under water ---- */

static void underwater_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_low, p->sky_top, 1);
    for (int i = 0; i < 5; i++) { /* shafts of light */
        const Element *e = &shot->elements[i];
        double slant = 0.35 * shot->side;
        paint(cr, p->light, 0.07 + 0.08 * e->size);
        cairo_move_to(cr, e->x, 0);
        cairo_line_to(cr, e->x + 0.08 + 0.1 * e->size, 0);
        cairo_line_to(cr, e->x + 0.25 + slant + 0.2 * e->size, 1);
        cairo_line_to(cr, e->x + slant, 1);
        cairo_fill(cr);
    }
    paint(cr, p->far, 1);
    draw_ridge(cr, shot, 6, shot->horizon + 0.24, 0.22, 1.2);
    paint(cr, p->near, 1);
    draw_ridge(cr, shot, 9, shot->horizon + 0.36, 0.2, 0.8);
}

static void draw_fish(cairo_t *cr, double x, double y, double size, double way, double wag)
{
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, way * size, size);
    cairo_move_to(cr, 1, 0);
    cairo_curve_to(cr, 0.5, -0.6, -0.4, -0.5, -0.8, 0);
    cairo_curve_to(cr, -0.4, 0.5, 0.5, 0.6, 1, 0);
    cairo_fill(cr);
    cairo_move_to(cr, -0.65, 0);
    cairo_line_to(cr, -1.25, -0.4 + 0.2 * wag);
    cairo_line_to(cr, -1.25, 0.4 + 0.2 * wag);
    cairo_fill(cr);
    cairo_set_source_rgb(cr, 0.05, 0.05, 0.1);
    draw_disc(cr, 0.55, -0.1, 0.09);
    cairo_restore(cr);
}

static void underwater_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    for (int i = 0; i < 10; i++) { /* weeds */
        const Element *e = &shot->elements[14 + i];
        double height = 0.15 + 0.3 * e->size, sway = 0.06 * sin(turn(0.3 * t + e->phase));
        paint(cr, color_mix(p->near, p->accents[0], 0.35), 1);
        cairo_set_line_width(cr, 0.018);
        cairo_move_to(cr, e->x, 1);
        cairo_curve_to(cr, e->x + sway, 1 - 0.4 * height, e->x - sway, 1 - 0.7 * height,
                       e->x + 1.5 * sway, 1 - height);
        cairo_stroke(cr);
    }
    for (int i = 0; i < 3 + (int)(8 * shot->amount); i++) {
        const Element *e = &shot->elements[30 + i];
        double way = e->pace > 0.5 ? 1 : -1, size = 0.03 + 0.09 * e->size * e->size;
        double x = drift(shot, e->x, way * (0.08 + 0.1 * e->pace) * t, 0.2);
        double y = 0.12 + 0.65 * e->y + 0.025 * sin(turn(0.3 * t + e->phase));
        paint(cr, p->accents[e->tint], 1);
        draw_fish(cr, x, y, size, way, sin(turn(1.4 * t + e->phase)));
    }
    for (int i = 0; i < 24; i++) {
        const Element *e = &shot->elements[60 + i];
        double y = 1.05 - fmod(e->y + (0.12 + 0.15 * e->pace) * t, 1.1);
        paint(cr, (Color){1, 1, 1}, 0.4);
        cairo_set_line_width(cr, 0.004);
        cairo_arc(cr, e->x + 0.02 * sin(turn(0.6 * t + e->phase)), y, 0.006 + 0.014 * e->size, 0,
                  2 * M_PI);
        cairo_stroke(cr);
    }
}

const SceneKind scene_underwater = {"under-water", underwater_backdrop, underwater_moving};
