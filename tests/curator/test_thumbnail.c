/* SPDX-License-Identifier: Apache-2.0
 *
 * Small pictures for the report, and the versions that are recorded with every product. */
#include "curator/thumbnail.h"
#include "curator/versions.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

/* Left half red, right half blue. */
static unsigned char *make_jpeg(int width, int height, size_t *n)
{
    unsigned char *rgb = mel_alloc(3 * (size_t)width * (size_t)height), *jpeg = NULL;
    unsigned long size = 0;
    for (int i = 0; i < width * height; i++) {
        bool left = i % width < width / 2;
        rgb[3 * i] = left ? 220 : 20;
        rgb[3 * i + 2] = left ? 20 : 220;
    }
    tjhandle codec = tjInitCompress();
    assert_int_equal(
        tjCompress2(codec, rgb, width, 0, height, TJPF_RGB, &jpeg, &size, TJSAMP_444, 90, 0), 0);
    unsigned char *copy = mel_alloc(size);
    memcpy(copy, jpeg, size);
    *n = size;
    tjFree(jpeg);
    tjDestroy(codec);
    free(rgb);
    return copy;
}

static unsigned char *decode(const unsigned char *jpeg, size_t n, int *width, int *height)
{
    int subsampling, colours;
    tjhandle codec = tjInitDecompress();
    assert_int_equal(tjDecompressHeader3(codec, jpeg, n, width, height, &subsampling, &colours), 0);
    unsigned char *rgb = mel_alloc(3 * (size_t)*width * (size_t)*height);
    assert_int_equal(tjDecompress2(codec, jpeg, n, rgb, 0, 0, 0, TJPF_RGB, 0), 0);
    tjDestroy(codec);
    return rgb;
}

static void a_thumbnail_fits_its_box_with_proportions_and_colours_kept(void **state)
{
    (void)state;
    static const struct {
        int width, height, wanted_width, wanted_height;
    } cases[] = {
        {1280, 720,  360, 203},
        {721,  1281, 135, 240},
        {360,  240,  360, 240},
        {100,  50,   100, 50 }, /* never enlarged */
        {4000, 16,   360, 1  },
        {997,  613,  360, 221},
    };
    for (size_t i = 0; i < MEL_COUNT(cases); i++) {
        Err err = {0};
        size_t n, small_n = 0;
        int width, height;
        unsigned char *small = NULL, *jpeg = make_jpeg(cases[i].width, cases[i].height, &n);
        CHECK_OK(mel_thumbnail(jpeg, n, 360, 240, 80, &small, &small_n, &err));
        unsigned char *rgb = decode(small, small_n, &width, &height);
        assert_int_equal(width, cases[i].wanted_width);
        assert_int_equal(height, cases[i].wanted_height);
        const unsigned char *row = rgb + 3 * (size_t)(height / 2) * (size_t)width;
        const unsigned char *left = row + 3 * (width / 4), *right = row + 3 * (3 * width / 4);
        assert_in_range(left[0], 200, 240);
        assert_in_range(left[2], 0, 45);
        assert_in_range(right[0], 0, 45);
        assert_in_range(right[2], 200, 240);
        free(rgb);
        free(small);
        free(jpeg);
    }
}

static void what_is_not_a_jpeg_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    size_t n, small_n = 77;
    unsigned char *small = NULL, *jpeg = make_jpeg(64, 64, &n);
    CHECK_FAILS(mel_thumbnail("not a picture", 13, 64, 64, 80, &small, &small_n, &err), ERR_MEDIA);
    CHECK_FAILS(mel_thumbnail(jpeg, 20, 64, 64, 80, &small, &small_n, &err), ERR_MEDIA);
    CHECK_FAILS(mel_thumbnail(jpeg, 0, 64, 64, 80, &small, &small_n, &err), ERR_MEDIA);
    assert_null(small);
    assert_int_equal(small_n, 77);
    free(jpeg);
}

/* The frame header claims 65,500 x 65,500: refused by its size, before anything is decoded. */
static void a_claimed_size_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    Err err = {0};
    size_t n, small_n;
    unsigned char *small = NULL, *jpeg = make_jpeg(64, 64, &n);
    for (size_t i = 2; i + 9 < n; i++)
        if (jpeg[i] == 0xFF && jpeg[i + 1] == 0xC0) {
            jpeg[i + 5] = jpeg[i + 7] = 0xFF;
            jpeg[i + 6] = jpeg[i + 8] = 0xDC;
            break;
        }
    CHECK_FAILS(mel_thumbnail(jpeg, n, 64, 64, 80, &small, &small_n, &err), ERR_LIMIT);
    free(jpeg);
}

static void versions_are_named_once_each_and_say_numbers(void **state)
{
    (void)state;
    Err err = {0};
    ToolVersion versions[TOOL_VERSIONS_MAX];
    size_t count = mel_tool_versions(versions);
    char *line = mel_tool_versions_json(), *again = mel_tool_versions_json();
    json_t *object = mel_json_parse(line, strlen(line), "the versions", &err);
    assert_non_null(object); /* duplicate keys would have been refused */
    assert_string_equal(line, again);
    assert_string_equal(mel_json_text(object, "melkit", ""), MEL_VERSION);
    assert_int_equal(json_object_size(object), count + 1);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(mel_json_text(object, versions[i].name, ""), versions[i].version);
        assert_in_range(versions[i].version[0], '0', '9');
    }
    json_decref(object);
    free(line);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thumbnail_fits_its_box_with_proportions_and_colours_kept),
        cmocka_unit_test(what_is_not_a_jpeg_is_refused),
        cmocka_unit_test(a_claimed_size_beyond_the_limit_is_refused),
        cmocka_unit_test(versions_are_named_once_each_and_say_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
