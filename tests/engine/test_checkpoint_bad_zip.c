/* SPDX-License-Identifier: Apache-2.0
 *
 * Hostile archives: a good one with one field changed, in the ends, the directory, the local
 * headers and the descriptors; and good ones of unusual make. */
#include "tests/engine/checkpoint_refused.h"

enum { DATA_PKL, STORAGE, VERSION, EMPTY };

/* Four entries; the last one is empty and has no descriptor. */
static void make_archive(ZipWriter *zip, bool zip64)
{
    static const float numbers[4] = {1, 2, 3, 4};
    PickledTensor tensor = {"w", "FloatStorage", "0", 4, 0, 1, {4}, {1}};
    Str pickle = {0};
    pickle_state(&pickle, &tensor, 1, false);
    zip_add(zip, "x/data.pkl", pickle.text, pickle.length);
    zip_add(zip, "x/data/0", numbers, sizeof numbers);
    zip_add(zip, "x/version", "3\n", 2);
    zip_add(zip, "x/data/1", "", 0);
    zip_finish(zip, zip64);
    mel_str_clear(&pickle);
}

typedef enum Part { LOCAL, CENTRAL, TAIL, END64, LOCATOR, END } Part;

static size_t part_of(const ZipWriter *zip, Part part, int entry)
{
    switch (part) {
    case LOCAL:
        return zip->local[entry];
    case CENTRAL:
        return zip->central[entry];
    case TAIL:
        return zip->tail[entry];
    case END64:
        return zip->end64;
    case LOCATOR:
        return zip->locator;
    case END:
        break;
    }
    return zip->end;
}

/* The archive with `bytes` bytes at `field` of one of its parts set to `value`. */
static void refuse(bool zip64, Part part, int entry, size_t field, uint64_t value, int bytes,
                   ErrCode code, const char *wording)
{
    ZipWriter zip = {0};
    char label[100];
    make_archive(&zip, zip64);
    snprintf(label, sizeof label, "part %d of entry %d, field %zu = %llu", part, entry, field,
             (unsigned long long)value);
    patch_number(&zip.bytes, part_of(&zip, part, entry) + field, value, bytes);
    check_refused(label, &zip.bytes, code, wording);
    zip_clear(&zip);
}

static void refuse_field(Part part, int entry, size_t field, uint64_t value, int bytes,
                         const char *wording)
{
    refuse(true, part, entry, field, value, bytes, ERR_FORMAT, wording);
}

static void both_ends_open(void **state)
{
    (void)state;
    for (int zip64 = 0; zip64 < 2; zip64++) {
        ZipWriter zip = {0};
        Checkpoint *checkpoint = NULL;
        Err err = {0};
        make_archive(&zip, zip64);
        CHECK_OK(open_bytes(zip.bytes.text, zip.bytes.length, &checkpoint, &err));
        assert_int_equal(mel_checkpoint_count(checkpoint), 1);
        mel_checkpoint_close(checkpoint);
        check_truncations(zip64 ? "ZIP64" : "zip", &zip.bytes);
        zip_clear(&zip);
    }
}

static void an_end_record_that_lies_is_refused(void **state)
{
    (void)state;
    const char *spread = "the archive is spread over several files";
    const char *misplaced = "the central directory does not end where its end record begins";
    refuse(false, END, 0, 0, 0, 4, ERR_FORMAT, "no end record is at the end");
    refuse(false, END, 0, 4, 1, 2, ERR_FORMAT, spread);
    refuse(false, END, 0, 6, 1, 2, ERR_FORMAT, spread);
    refuse(false, END, 0, 8, 3, 2, ERR_FORMAT, spread);
    refuse(false, END, 0, 8, 0x30003, 4, ERR_FORMAT, "the directory has more than its entries");
    refuse(false, END, 0, 8, 0x50005, 4, ERR_FORMAT, "too short for its entries");
    refuse(false, END, 0, 8, 0, 4, ERR_FORMAT, "the archive is empty");
    refuse(false, END, 0, 8, UINT32_MAX, 4, ERR_FORMAT, "too short for its entries");
    refuse(false, END, 0, 12, 1, 4, ERR_FORMAT, misplaced);
    refuse(false, END, 0, 16, 1, 4, ERR_FORMAT, misplaced);
    refuse(false, END, 0, 16, UINT32_MAX, 4, ERR_FORMAT, misplaced);
    refuse(false, END, 0, 20, 1, 2, ERR_FORMAT, "the archive has a comment");
}

static void zip64_records_that_lie_are_refused(void **state)
{
    (void)state;
    const char *differ = "the end record and the ZIP64 one differ";
    const char *spread = "the archive is spread over several files";
    const char *misplaced = "the ZIP64 end record is not right before its locator";
    refuse_field(LOCATOR, 0, 4, 1, 4, spread);
    refuse_field(LOCATOR, 0, 8, 0, 8, misplaced);
    refuse_field(LOCATOR, 0, 8, UINT64_MAX, 8, misplaced);
    refuse_field(LOCATOR, 0, 16, 2, 4, spread);
    refuse_field(LOCATOR, 0, 0, 0, 4, "the central directory does not end where");
    refuse_field(END64, 0, 0, 0, 4, misplaced);
    refuse_field(END64, 0, 4, 45, 8, "the ZIP64 end record has another size than its fields");
    refuse_field(END64, 0, 16, 1, 4, spread);
    refuse_field(END64, 0, 20, 1, 4, spread);
    refuse_field(END64, 0, 24, 5, 8, spread);
    refuse_field(END64, 0, 40, 0, 8, differ);
    refuse_field(END64, 0, 48, 0, 8, differ);
    refuse_field(END, 0, 8, 0x50005, 4, differ);
    refuse_field(END, 0, 12, 0, 4, differ);
    refuse_field(END, 0, 16, 0, 4, differ);
}

/* The narrow fields may say "see ZIP64"; the wide ones then say what cannot be. */
static void zip64_numbers_are_not_believed(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, UINT64_MAX, INT64_MAX, 1ULL << 63, 1ULL << 32, 65536 * 2};
    for (size_t field = 32; field <= 48; field += 8)
        for (size_t i = 0; i < MEL_COUNT(values); i++) {
            ZipWriter zip = {0};
            Checkpoint *checkpoint = NULL;
            Err err = {0};
            make_archive(&zip, true);
            patch_number(&zip.bytes, zip.end + 8, UINT32_MAX, 4);
            patch_number(&zip.bytes, zip.end + 12, UINT64_MAX, 8);
            patch_number(&zip.bytes, zip.end64 + field, values[i], 8);
            if (field == 32) patch_number(&zip.bytes, zip.end64 + 24, values[i], 8);
            assert_false(open_bytes(zip.bytes.text, zip.bytes.length, &checkpoint, &err));
            bool count = field == 32 && values[i] > 65536 + 64;
            check_error("ZIP64", &err, count ? ERR_LIMIT : ERR_FORMAT, count ? "more than" : "zip");
            zip_clear(&zip);
        }
}

static void entries_that_torch_would_not_write_are_refused(void **state)
{
    (void)state;
    refuse_field(CENTRAL, STORAGE, 0, 0, 4, "no record of the central directory");
    refuse_field(CENTRAL, STORAGE, 8, 0x809, 2, "entry 'x/data/0' is encrypted");
    refuse_field(CENTRAL, STORAGE, 8, 0x848, 2, "'x/data/0' has flags that torch does not set");
    refuse_field(CENTRAL, STORAGE, 8, 0x2808, 2, "'x/data/0' has flags that torch does not set");
    refuse_field(CENTRAL, STORAGE, 10, 8, 2, "entry 'x/data/0' is compressed");
    refuse_field(CENTRAL, STORAGE, 34, 1, 2, "'x/data/0' is in another file of the archive");
    refuse_field(CENTRAL, STORAGE, 32, 1, 2, "entry 'x/data/0' has a comment");
    refuse_field(CENTRAL, EMPTY, 32, 1, 2, "a record reaches out of the directory");
    refuse_field(CENTRAL, EMPTY, 28, 0xffff, 2, "a record reaches out of the directory");
    refuse_field(CENTRAL, STORAGE, 20, 17, 4, "'x/data/0' is stored but has two sizes");
    refuse_field(CENTRAL, STORAGE, 20, UINT32_MAX, 4, "the extra field of 'x/data/0' is broken");
    refuse_field(CENTRAL, STORAGE, 42, UINT32_MAX, 4, "the extra field of 'x/data/0' is broken");
}

static void a_local_header_that_differs_is_refused(void **state)
{
    (void)state;
    refuse_field(LOCAL, STORAGE, 0, 0, 4, "no local header where the directory says");
    refuse_field(LOCAL, STORAGE, 6, 0x800, 2, "a flag of 'x/data/0' differs");
    refuse_field(LOCAL, STORAGE, 8, 8, 2, "the method of 'x/data/0' differs");
    refuse_field(LOCAL, STORAGE, 14, 1, 4, "the checksum of 'x/data/0' differs");
    refuse_field(LOCAL, STORAGE, 18, 15, 4, "a size of 'x/data/0' differs");
    refuse_field(LOCAL, STORAGE, 22, 15, 4, "a size of 'x/data/0' differs");
    refuse_field(LOCAL, STORAGE, 22, UINT32_MAX, 4, "a size of 'x/data/0' differs");
    refuse_field(LOCAL, EMPTY, 14, 1, 4, "the checksum of 'x/data/1' differs");
    refuse_field(LOCAL, STORAGE, 26, 7, 2, "the local name of 'x/data/0' differs");
    refuse_field(LOCAL, STORAGE, 30, 'y', 1, "the local name of 'x/data/0' differs");
    refuse_field(LOCAL, STORAGE, 28, 1, 2, "no data descriptor of 16 or 24 bytes");
    refuse_field(LOCAL, STORAGE, 28, 0xffff, 2, "'x/data/0' overlaps what follows it");
    refuse_field(CENTRAL, STORAGE, 16, 1, 4, "the data descriptor of 'x/data/0' differs");
}

static void a_descriptor_that_differs_is_refused(void **state)
{
    (void)state;
    for (size_t field = 0; field < 16; field += 4)
        refuse_field(TAIL, STORAGE, field, 77, 4, "the data descriptor of 'x/data/0' differs");
}

static void offsets_that_overlap_or_leave_holes_are_refused(void **state)
{
    (void)state;
    ZipWriter zip = {0};
    make_archive(&zip, true);
    refuse_field(CENTRAL, DATA_PKL, 42, zip.local[STORAGE], 4, "zip, byte 0: bytes that belong to");
    refuse_field(CENTRAL, VERSION, 42, zip.local[STORAGE], 4,
                 "no local header where the directory");
    refuse_field(CENTRAL, STORAGE, 42, zip.local[STORAGE] + 1, 4, "no data descriptor of 16 or 24");
    refuse_field(CENTRAL, EMPTY, 42, zip.central[0], 4, "no data descriptor of 16 or 24");
    refuse_field(CENTRAL, EMPTY, 42, zip.end, 4, "an entry lies out of the archive");
    refuse_field(CENTRAL, EMPTY, 42, 0xfffffffe, 4, "an entry lies out of the archive");
    zip_clear(&zip);
}

/* Sizes that reach into the next entry, in both headers and the descriptor's field. */
static void an_entry_that_reaches_into_the_next_is_refused(void **state)
{
    (void)state;
    ZipWriter zip = {0};
    make_archive(&zip, true);
    patch_number(&zip.bytes, zip.central[STORAGE] + 20, 64, 4);
    patch_number(&zip.bytes, zip.central[STORAGE] + 24, 64, 4);
    check_refused("reaches", &zip.bytes, ERR_FORMAT, "'x/data/0' overlaps what follows it");
    zip_clear(&zip);
}

/* An entry whose headers announce no descriptor, in front of what was one. */
static void bytes_between_entries_are_refused(void **state)
{
    (void)state;
    ZipWriter zip = {0};
    make_archive(&zip, true);
    patch_number(&zip.bytes, zip.central[VERSION] + 8, 0x800, 2);
    patch_number(&zip.bytes, zip.local[VERSION] + 6, 0x800, 2);
    memcpy(zip.bytes.text + zip.local[VERSION] + 14, zip.bytes.text + zip.central[VERSION] + 16,
           12);
    check_refused("between", &zip.bytes, ERR_FORMAT, "bytes that belong to no entry");
    zip_clear(&zip);
}

#define REFUSE_EXTRA(literal, wording) refuse_extra(literal, sizeof(literal) - 1, wording)

/* An entry of four bytes whose record says that its sizes are in this extra field. */
static void refuse_extra(const char *extra, size_t n, const char *wording)
{
    ZipWriter zip = {0};
    zip_add(&zip, "x/data.pkl", "\x80\x02}.", 4);
    patch_number(&zip.directory, zip.central[0] + 20, UINT64_MAX, 8);
    patch_number(&zip.directory, zip.central[0] + 30, n, 2);
    mel_str_add_bytes(&zip.directory, extra, n);
    zip_finish(&zip, true);
    check_refused(wording, &zip.bytes, ERR_FORMAT, wording);
    zip_clear(&zip);
}

#define FOUR "\4\0\0\0\0\0\0\0"

/* The ZIP64 field must be well-formed, there once, and hold the two sizes and no third number. */
static void zip64_fields_are_read_to_the_letter(void **state)
{
    (void)state;
    const char *readable = "there is no dictionary that holds tensors", *broken = "is broken";
    REFUSE_EXTRA("\1\0\x10\0" FOUR FOUR, readable);
    REFUSE_EXTRA("\x63\0\1\0z\1\0\x10\0" FOUR FOUR, readable);
    REFUSE_EXTRA("", broken);
    REFUSE_EXTRA("\1\0\x10", broken);
    REFUSE_EXTRA("\1\0\xff\0" FOUR FOUR, broken);
    REFUSE_EXTRA("\1\0\x08\0" FOUR, broken);
    REFUSE_EXTRA("\1\0\x0f\0" FOUR "\4\0\0\0\0\0\0", broken);
    REFUSE_EXTRA("\1\0\x18\0" FOUR FOUR FOUR, broken);
    REFUSE_EXTRA("\1\0\0\0\1\0\x10\0" FOUR FOUR, broken);
    REFUSE_EXTRA("\1\0\x10\0\4\0\0\0\0\0\0\x80" FOUR, broken);
    REFUSE_EXTRA("\1\0\x10\0\5\0\0\0\0\0\0\0" FOUR, "has two sizes");
    REFUSE_EXTRA("\1\0\x10\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1", "overlaps what follows it");
}

static void refuse_names(const char *first, const char *second, const char *wording)
{
    ZipWriter zip = {0};
    zip_add(&zip, first, "\x80\x02}.", 4);
    if (second) zip_add(&zip, second, "big", 3);
    zip_finish(&zip, true);
    check_refused(first, &zip.bytes, ERR_FORMAT, wording);
    zip_clear(&zip);
}

static void names_that_are_no_plain_paths_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"",     "/x/data.pkl",   "x/../data.pkl", "../data.pkl",
                                        "x/.",  "x//data.pkl",   "x\\data.pkl",   "x/data/",
                                        "x\na", "x\xff/data.pkl"};
    for (size_t i = 0; i < MEL_COUNT(names); i++)
        refuse_names(names[i], NULL, "is no plain relative path");
}

static void archives_that_are_not_torchs_are_refused(void **state)
{
    (void)state;
    refuse_names("word/document.xml", "x/data.pkl",
                 "'x/data.pkl' is not in the folder of the others");
    refuse_names("data.pkl", NULL, "no archive of torch's: 'data.pkl' is in no folder");
    refuse_names("x/version", NULL, "no archive of torch's: there is no data.pkl");
    refuse_names("x/data.pkl", "x/data.pkl", "'x/data.pkl' is there twice");
    refuse_names("x/data.pkl", "x/byteorder", "its byte order is 'big', only 'little' is read");
    refuse_names("x/data.pkl", "x/constants.pkl", "a TorchScript program, not a checkpoint");
    refuse_names("x/data.pkl", "x/version", "there is no dictionary that holds tensors");
}

static void a_pickle_that_does_not_match_its_checksum_is_refused(void **state)
{
    (void)state;
    ZipWriter zip = {0};
    make_archive(&zip, true);
    zip.bytes.text[zip.data[DATA_PKL] + 8] ^= 1;
    check_refused("CRC", &zip.bytes, ERR_FORMAT, "'x/data.pkl' is damaged (its CRC-32 is another)");
    zip_clear(&zip);
}

static void bytes_before_or_behind_the_archive_are_refused(void **state)
{
    (void)state;
    ZipWriter zip = {0};
    Str bytes = {0};
    make_archive(&zip, false);
    mel_str_add_bytes(&bytes, zip.bytes.text, zip.bytes.length);
    mel_str_add_char(&bytes, '\0');
    check_refused("behind", &bytes, ERR_FORMAT, "no end record is at the end");
    mel_str_reset(&bytes);
    mel_str_add_bytes(&bytes, "PK\3\4", 4);
    mel_str_add_bytes(&bytes, zip.bytes.text, zip.bytes.length);
    check_refused("before", &bytes, ERR_FORMAT, "the central directory does not end where");
    mel_str_clear(&bytes);
    zip_clear(&zip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_open),
        cmocka_unit_test(an_end_record_that_lies_is_refused),
        cmocka_unit_test(zip64_records_that_lie_are_refused),
        cmocka_unit_test(zip64_numbers_are_not_believed),
        cmocka_unit_test(entries_that_torch_would_not_write_are_refused),
        cmocka_unit_test(a_local_header_that_differs_is_refused),
        cmocka_unit_test(a_descriptor_that_differs_is_refused),
        cmocka_unit_test(offsets_that_overlap_or_leave_holes_are_refused),
        cmocka_unit_test(an_entry_that_reaches_into_the_next_is_refused),
        cmocka_unit_test(bytes_between_entries_are_refused),
        cmocka_unit_test(zip64_fields_are_read_to_the_letter),
        cmocka_unit_test(names_that_are_no_plain_paths_are_refused),
        cmocka_unit_test(archives_that_are_not_torchs_are_refused),
        cmocka_unit_test(a_pickle_that_does_not_match_its_checksum_is_refused),
        cmocka_unit_test(bytes_before_or_behind_the_archive_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
