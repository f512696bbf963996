/* SPDX-License-Identifier: Apache-2.0
 *
 * Scenes under an open sky: sea, mountains, balloons, meadow, desert. */
#include "tests/world/scene_kinds.h"

/* ---- sun over the sea ---- */

static void sea_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, shot->horizon);
    draw_glow(cr, shot->light_x, shot->light_y + 0.1, 6 * shot->light_size, p->light, 0.7);
    paint(cr, p->light, 1);
    draw_disc(cr, shot->light_x, shot->light_y + 0.1, shot->light_size);
    paint(cr, color_mix(p->far, p->sky_low, 0.3), 1);
    double island = shot->elements[0].x;
    cairo_arc(cr, island, shot->horizon + 0.25, 0.3 + 0.1 * shot->elements[0].size, M_PI, 2 * M_PI);
    cairo_fill(cr);
    paint(cr, color_mix(p->near, p->far, 0.4), 1);
    draw_box(cr, 0, shot->horizon, shot->width, 1 - shot->horizon);
}

static void draw_boat(cairo_t *cr, const Shot *shot, double t)
{
    const Element *e = &shot->elements[1];
    double size = 0.09 + 0.1 * e->size;
    double x = drift(shot, e->x, shot->side * 0.08 * t, 0.2);
    double y = shot->horizon + 0.07 + 0.12 * e->y + 0.008 * sin(turn(0.3 * t));
    paint(cr, shot->palette.accents[2], 1);
    cairo_move_to(cr, x, y - 0.1 * size);
    cairo_line_to(cr, x, y - 1.5 * size);
    cairo_line_to(cr, x + shot->side * 0.9 * size, y - 0.25 * size);
    cairo_fill(cr);
    paint(cr, color_mix(shot->palette.near, (Color){0, 0, 0}, 0.5), 1);
    cairo_move_to(cr, x - 0.8 * size, y - 0.1 * size);
    cairo_line_to(cr, x + 0.9 * size, y - 0.1 * size);
    cairo_line_to(cr, x + 0.5 * size, y + 0.2 * size);
    cairo_line_to(cr, x - 0.5 * size, y + 0.2 * size);
    cairo_fill(cr);
}

static void sea_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    for (int i = 0; i < 14; i++) { /* the sun's path on the water */
        double depth = (i + 0.5) / 14, y = shot->horizon + depth * (1 - shot->horizon);
        double wide = (0.03 + 0.12 * depth) * (1 + 0.5 * sin(turn(0.4 * t + 0.37 * i)));
        paint(cr, p->light, 0.5 - 0.3 * depth);
        draw_box(cr, shot->light_x - wide, y, 2 * wide, 0.006 + 0.01 * depth);
    }
    int waves = (int)(60 * shot->amount);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    for (int i = 0; i < waves; i++) {
        const Element *e = &shot->elements[2 + i];
        double depth = e->y * e->y, y = shot->horizon + 0.02 + depth * (0.96 - shot->horizon);
        double length = 0.03 + 0.12 * depth;
        double x = drift(shot, e->x, (0.06 + 0.12 * depth) * t * shot->side, 0.2);
        y += 0.01 * depth * sin(turn(0.5 * t + e->phase));
        paint(cr, p->accents[1], 0.6 * (0.5 + 0.5 * sin(turn(0.35 * t + e->phase))));
        cairo_set_line_width(cr, 0.004 + 0.008 * depth);
        cairo_move_to(cr, x, y);
        cairo_curve_to(cr, x + 0.3 * length, y - 0.2 * length, x + 0.7 * length, y - 0.2 * length,
                       x + length, y);
        cairo_stroke(cr);
    }
    draw_boat(cr, shot, t);
}

const SceneKind scene_sea = {"sea", sea_backdrop, sea_moving};

/* ---- snow on the mountains ---- */

static void draw_peak(cairo_t *cr, const Shot *shot, const Element *e, double base, Color rock)
{
    double height = 0.28 + 0.35 * e->size, half = height * (0.55 + 0.35 * e->pace);
    double top = base - height, lean = 0.15 * (e->phase - 0.5);
    paint(cr, rock, 1);
    cairo_move_to(cr, e->x - half, base);
    cairo_line_to(cr, e->x + lean, top);
    cairo_line_to(cr, e->x + half, base);
    cairo_fill(cr);
    paint(cr, (Color){0.96, 0.97, 1}, 1);
    double snow = 0.38, left = e->x + lean - (half + lean) * snow;
    double right = e->x + lean + (half - lean) * snow, line = top + height * snow;
    cairo_move_to(cr, e->x + lean, top);
    cairo_line_to(cr, right, line);
    for (int i = 1; i < 6; i++)
        cairo_line_to(cr, right + (left - right) * i / 6, line + (i % 2 ? -0.05 : 0.02));
    cairo_line_to(cr, left, line);
    cairo_fill(cr);
    paint(cr, color_mix(rock, shot->palette.near, 0.6), 0.45);
    cairo_move_to(cr, e->x + lean, top);
    cairo_line_to(cr, e->x + half, base);
    cairo_line_to(cr, e->x + 0.25 * half, base);
    cairo_fill(cr);
}

static void draw_fir(cairo_t *cr, double x, double base, double size)
{
    for (int i = 0; i < 3; i++) {
        double half = size * (0.3 - 0.07 * i), bottom = base - size * (0.1 + 0.27 * i);
        cairo_move_to(cr, x - half, bottom);
        cairo_line_to(cr, x, bottom - 0.42 * size);
        cairo_line_to(cr, x + half, bottom);
        cairo_fill(cr);
    }
    draw_box(cr, x - 0.03 * size, base - 0.12 * size, 0.06 * size, 0.12 * size);
}

static void mountains_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, 1);
    draw_glow(cr, shot->light_x, shot->light_y, 4 * shot->light_size, p->light, 0.8);
    for (int i = 0; i < 5; i++)
        draw_peak(cr, shot, &shot->elements[i], shot->horizon + 0.12,
                  color_mix(p->far, p->sky_low, 0.55 - 0.12 * i));
    paint(cr, color_mix(p->near, (Color){1, 1, 1}, 0.75), 1);
    draw_ridge(cr, shot, 5, shot->horizon + 0.16, 0.14, 0.8);
    paint(cr, color_mix(p->near, (Color){0, 0, 0}, 0.35), 1);
    for (int i = 0; i < (int)(18 * shot->amount); i++) {
        const Element *e = &shot->elements[8 + i];
        double foot = ridge_y(shot, 5, shot->horizon + 0.16, 0.14, 0.8, e->x) + 0.22 * e->y;
        draw_fir(cr, e->x, foot + 0.04, 0.12 + 0.22 * e->y);
    }
}

static void mountains_moving(cairo_t *cr, const Shot *shot, double t)
{
    paint(cr, (Color){1, 1, 1}, 0.75);
    for (int i = 0; i < 2; i++) {
        const Element *e = &shot->elements[30 + i];
        draw_cloud(cr, drift(shot, e->x, 0.05 * t * shot->side, 0.4), 0.08 + 0.2 * e->y,
                   0.08 + 0.08 * e->size, e);
    }
    paint(cr, (Color){1, 1, 1}, 0.9);
    for (int i = 0; i < 50; i++) {
        const Element *e = &shot->elements[40 + i];
        double y = fmod(e->y + (0.15 + 0.15 * e->pace) * t, 1.05);
        double x =
            drift(shot, e->x, 0.04 * sin(turn(0.2 * t + e->phase)) + 0.03 * t * shot->side, 0);
        draw_disc(cr, x, y, 0.004 + 0.007 * e->size);
    }
}

const SceneKind scene_mountains = {"mountains", mountains_backdrop, mountains_moving};

/* ---- balloons ---- */

static void balloons_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, 1);
    draw_glow(cr, shot->light_x, 0.15, 0.6, p->light, 0.9);
    paint(cr, color_mix(p->far, p->sky_low, 0.35), 1);
    draw_ridge(cr, shot, 0, shot->horizon + 0.25, 0.2, 0.9);
    paint(cr, p->near, 1);
    draw_ridge(cr, shot, 3, shot->horizon + 0.38, 0.2, 0.6);
}

static void draw_balloon(cairo_t *cr, double x, double y, double size, Color color, Color stripe)
{
    cairo_set_line_width(cr, 0.004);
    paint(cr, (Color){0.3, 0.2, 0.15}, 1);
    for (int i = -1; i <= 1; i += 2) {
        cairo_move_to(cr, x + i * 0.55 * size, y + 0.75 * size);
        cairo_line_to(cr, x + i * 0.16 * size, y + 1.5 * size);
        cairo_stroke(cr);
    }
    draw_box(cr, x - 0.18 * size, y + 1.48 * size, 0.36 * size, 0.26 * size);
    for (int layer = 0; layer < 3; layer++) {
        double half = size * (1 - 0.36 * layer);
        paint(cr, layer % 2 ? stripe : color, 1);
        cairo_move_to(cr, x - 0.2 * half, y + 1.25 * size);
        cairo_curve_to(cr, x - half, y + 0.6 * size, x - 1.25 * half, y - size, x, y - size);
        cairo_curve_to(cr, x + 1.25 * half, y - size, x + half, y + 0.6 * size, x + 0.2 * half,
                       y + 1.25 * size);
        cairo_fill(cr);
    }
}

static void balloons_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    paint(cr, (Color){1, 1, 1}, 0.85);
    for (int i = 0; i < 3; i++) {
        const Element *e = &shot->elements[10 + i];
        draw_cloud(cr, drift(shot, e->x, 0.07 * t * shot->side, 0.4), 0.1 + 0.3 * e->y,
                   0.07 + 0.08 * e->size, e);
    }
    int count = 2 + (int)(5 * shot->amount);
    for (int i = 0; i < count; i++) {
        const Element *e = &shot->elements[20 + i];
        double size = 0.05 + 0.15 * e->size * e->size + 0.02 * i;
        double x = drift(shot, e->x, (0.05 + 0.08 * e->pace) * t * shot->side, 0.3);
        double y = 0.15 + 0.55 * e->y + 0.05 * sin(turn(0.12 * t + e->phase));
        draw_balloon(cr, x, y, size, p->accents[e->tint], p->accents[(e->tint + 1 + i % 2) % 3]);
    }
}

const SceneKind scene_balloons = {"balloons", balloons_backdrop, balloons_moving};

/* ---- meadow with flowers and butterflies ---- */

static void meadow_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    double line = shot->horizon - 0.1;
    fill_sky(cr, shot, p->sky_top, p->sky_low, 1);
    draw_glow(cr, shot->light_x, shot->light_y, 5 * shot->light_size, p->light, 0.8);
    paint(cr, p->light, 1);
    draw_disc(cr, shot->light_x, shot->light_y, shot->light_size);
    paint(cr, p->far, 1);
    draw_ridge(cr, shot, 0, line + 0.08, 0.16, 1.1);
    double x = shot->width * (0.5 + 0.36 * shot->side * shot->elements[3].size);
    paint(cr, (Color){0.42, 0.28, 0.17}, 1);
    draw_box(cr, x - 0.02, line - 0.15, 0.04, 0.3);
    paint(cr, color_mix(p->near, (Color){0, 0.2, 0}, 0.35), 1);
    draw_cloud(cr, x, line - 0.2, 0.15 + 0.1 * shot->elements[3].pace, &shot->elements[3]);
    paint(cr, p->near, 1);
    draw_ridge(cr, shot, 4, line + 0.16, 0.1, 0.7);
}

static void draw_butterfly(cairo_t *cr, double x, double y, double size, double flap, Color color)
{
    paint(cr, color, 1);
    for (int sign = -1; sign <= 1; sign += 2) {
        double reach = sign * size * (0.35 + 0.65 * fabs(flap));
        cairo_move_to(cr, x, y);
        cairo_curve_to(cr, x + reach, y - size, x + 1.3 * reach, y - 0.1 * size, x, y);
        cairo_curve_to(cr, x + reach, y + 0.2 * size, x + 0.8 * reach, y + 0.9 * size, x, y);
        cairo_fill(cr);
    }
}

static void meadow_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    int flowers = (int)(60 * shot->amount);
    cairo_set_line_width(cr, 0.005);
    for (int i = 0; i < flowers; i++) {
        const Element *e = &shot->elements[8 + i];
        double depth = (double)i / flowers, size = 0.012 + 0.03 * depth;
        double foot = shot->horizon + 0.08 + depth * (0.95 - shot->horizon);
        double sway = 0.4 * size * sin(turn(0.35 * t + e->phase));
        double x = e->x + sway, y = foot - 2.5 * size;
        paint(cr, color_mix(p->near, (Color){0, 0.25, 0}, 0.5), 1);
        cairo_move_to(cr, e->x, foot);
        cairo_line_to(cr, x, y);
        cairo_stroke(cr);
        paint(cr, p->accents[e->tint], 1);
        for (int leaf = 0; leaf < 5; leaf++)
            draw_disc(cr, x + 0.7 * size * cos(turn(leaf / 5.0)),
                      y + 0.7 * size * sin(turn(leaf / 5.0)), 0.5 * size);
        paint(cr, p->light, 1);
        draw_disc(cr, x, y, 0.4 * size);
    }
    for (int i = 0; i < 4; i++) {
        const Element *e = &shot->elements[80 + i];
        double x = drift(shot, e->x, 0.12 * (0.5 + e->pace) * t * (i % 2 ? 1 : -1), 0.1);
        double y = 0.3 + 0.4 * e->y + 0.08 * sin(turn(0.3 * t + e->phase));
        draw_butterfly(cr, x, y, 0.035 + 0.03 * e->size, sin(turn(1.6 * t + e->phase)),
                       p->accents[e->tint]);
    }
}

const SceneKind scene_meadow = {"meadow", meadow_backdrop, meadow_moving};

/* ---- desert ---- */

static void draw_cactus(cairo_t *cr, double x, double foot, double size)
{
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_width(cr, 0.2 * size);
    cairo_move_to(cr, x, foot);
    cairo_line_to(cr, x, foot - size);
    cairo_stroke(cr);
    cairo_set_line_width(cr, 0.14 * size);
    for (int sign = -1; sign <= 1; sign += 2) {
        double arm = foot - size * (sign < 0 ? 0.4 : 0.55);
        cairo_move_to(cr, x, arm);
        cairo_line_to(cr, x + sign * 0.32 * size, arm);
        cairo_line_to(cr, x + sign * 0.32 * size, arm - 0.3 * size);
        cairo_stroke(cr);
    }
}

static void desert_backdrop(cairo_t *cr, const Shot *shot)
{
    const Palette *p = &shot->palette;
    fill_sky(cr, shot, p->sky_top, p->sky_low, shot->horizon + 0.1);
    double sun = shot->light_size * 2.2;
    draw_glow(cr, shot->light_x, shot->light_y + 0.1, 3 * sun, p->accents[1], 0.8);
    paint(cr, p->light, 1);
    draw_disc(cr, shot->light_x, shot->light_y + 0.1, sun);
    paint(cr, p->far, 1);
    for (int i = 0; i < 3; i++) { /* table mountains */
        const Element *e = &shot->elements[i];
        double half = 0.1 + 0.18 * e->size, height = 0.12 + 0.22 * e->pace;
        cairo_move_to(cr, e->x - 1.35 * half, shot->horizon + 0.08);
        cairo_line_to(cr, e->x - half, shot->horizon - height);
        cairo_line_to(cr, e->x + half, shot->horizon - height);
        cairo_line_to(cr, e->x + 1.35 * half, shot->horizon + 0.08);
        cairo_fill(cr);
    }
    paint(cr, color_mix(p->near, p->accents[1], 0.35), 1);
    draw_ridge(cr, shot, 3, shot->horizon + 0.1, 0.1, 0.7);
    paint(cr, color_mix(p->near, p->accents[1], 0.15), 1);
    draw_ridge(cr, shot, 6, shot->horizon + 0.26, 0.14, 0.5);
    paint(cr, p->near, 1);
    for (int i = 0; i < 2 + (int)(4 * shot->amount); i++) {
        const Element *e = &shot->elements[10 + i];
        draw_cactus(cr, e->x, shot->horizon + 0.14 + 0.25 * e->y,
                    0.14 + 0.3 * e->y + 0.1 * e->size);
    }
}

static void desert_moving(cairo_t *cr, const Shot *shot, double t)
{
    const Palette *p = &shot->palette;
    paint(cr, p->near, 1);
    cairo_set_line_width(cr, 0.009);
    for (int i = 0; i < 5; i++) { /* vultures */
        const Element *e = &shot->elements[20 + i];
        double turned = turn(0.09 * t * (0.7 + e->pace) + e->phase);
        double x = shot->width * (0.3 + 0.4 * e->size) + 0.3 * cos(turned);
        double y = 0.14 + 0.18 * e->y + 0.07 * sin(turned), wing = 0.035 + 0.02 * e->pace;
        double flap = 0.6 * wing * sin(turn(1.1 * t + e->phase));
        cairo_move_to(cr, x - wing, y - flap);
        cairo_line_to(cr, x, y);
        cairo_line_to(cr, x + wing, y - flap);
        cairo_stroke(cr);
    }
    for (int i = 0; i < 26; i++) { /* driven sand */
        const Element *e = &shot->elements[30 + i];
        double x = drift(shot, e->x, 0.35 * (0.6 + e->pace) * t * shot->side, 0.2);
        paint(cr, p->accents[1], 0.3 + 0.3 * e->size);
        draw_box(cr, x, shot->horizon + 0.02 + 0.45 * e->y, 0.08 + 0.1 * e->size, 0.004);
    }
}

const SceneKind scene_desert = {"desert", desert_backdrop, desert_moving};
