/* SPDX-License-Identifier: Apache-2.0
 *
 * Hostile pickles: opcodes, the memo, names and their arguments, views of storages, dictionaries,
 * and the pickles and counts of legacy files. */
#include "tests/engine/checkpoint_refused.h"

static const uint8_t storage_bytes[16] = {1, 0, 0, 0, 2, 0, 0, 0};

/* A good archive around this pickle, with storage "0" of 16 bytes. */
static void wrap(const void *pickle, size_t n, ZipWriter *zip)
{
    zip_add(zip, "x/data.pkl", pickle, n);
    zip_add(zip, "x/data/0", storage_bytes, sizeof storage_bytes);
    zip_finish(zip, true);
}

static void refuse_bytes(const char *label, const Str *pickle, ErrCode code, const char *wording)
{
    ZipWriter zip = {0};
    wrap(mel_str_text(pickle), pickle->length, &zip);
    check_refused(label, &zip.bytes, code, wording);
    zip_clear(&zip);
}

#define REFUSE(literal, wording) refuse_literal(literal, sizeof(literal) - 1, wording)

static void refuse_literal(const char *pickle, size_t n, const char *wording)
{
    Str bytes = {0};
    mel_str_add_bytes(&bytes, pickle, n);
    refuse_bytes(wording, &bytes, ERR_FORMAT, wording);
    mel_str_clear(&bytes);
}

static void opcodes_outside_of_the_list_are_refused(void **state)
{
    (void)state;
    /* text opcodes, INST, OBJ, PERSID, EXT, DUP, NEXT_BUFFER, READONLY_BUFFER, a second PROTO */
    static const char ops[] = "SVILFgpdlioP2\x82\x83\x84\x97\x98\x80\xff\x7f\n";
    for (size_t i = 0; i < sizeof ops - 1; i++) {
        Str pickle = {0};
        char wording[80];
        mel_str_add(&pickle, "\x80\x02(");
        mel_str_add_char(&pickle, ops[i]);
        mel_str_add(&pickle, "os\nsystem\n.");
        snprintf(wording, sizeof wording, "pickle, byte 3: opcode 0x%02x is not one that",
                 (unsigned char)ops[i]);
        refuse_bytes(wording, &pickle, ERR_FORMAT, wording);
        mel_str_clear(&pickle);
    }
}

static void a_pickle_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    REFUSE("", "pickle, byte 0: there is nothing");
    REFUSE("\x80", "pickle, byte 0: opcode 0x80 wants 2 bytes, 1 are left");
    REFUSE("}.", "pickle, byte 0: it does not start with a protocol from 2 to 5");
    REFUSE("\x80\x01}.", "it does not start with a protocol from 2 to 5");
    REFUSE("\x80\x06}.", "it does not start with a protocol from 2 to 5");
    REFUSE("\x80\x02}", "pickle, byte 3: the pickle ends without its end mark");
    REFUSE("\x80\x02}.}", "pickle, byte 4: something follows its end");
    REFUSE("\x80\x02J\1\2\3", "pickle, byte 2: opcode 0x4a wants 4 bytes, 3 are left");
    REFUSE("\x80\x02X\xff\xff\xff\xff"
           "a.",
           "opcode 0x58 wants 4294967295 bytes, 2 are left");
    REFUSE("\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
           "opcode 0x8d wants 18446744073709551615 bytes, 1 are left");
    REFUSE("\x80\x02\x8a\xff.", "opcode 0x8a wants 255 bytes, 1 are left");
    REFUSE("\x80\x02"
           "ctorch\nSize",
           "pickle, byte 2: a name without an end");
    REFUSE("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f}.",
           "a frame of 9223372036854775807 bytes");
}

static void a_stack_that_does_not_hold_what_is_asked_is_refused(void **state)
{
    (void)state;
    REFUSE("\x80\x02.", "0 values and 0 marks are left at the end");
    REFUSE("\x80\x02}}.", "2 values and 0 marks are left at the end");
    REFUSE("\x80\x02}(.", "1 values and 1 marks are left at the end");
    REFUSE("\x80\x02R.", "opcode 0x52 finds too few values on the stack");
    REFUSE("\x80\x02}u.", "opcode 0x75 without a mark");
    REFUSE("\x80\x02"
           "0.",
           "opcode 0x30 finds too few values on the stack");
    REFUSE("\x80\x02}(s.", "opcode 0x73 finds too few values on the stack");
    REFUSE("\x80\x02NN\x87.", "opcode 0x87 finds too few values on the stack");
    REFUSE("\x80\x02}b.", "opcode 0x62 finds too few values on the stack");
    REFUSE("\x80\x02}Na.", "items for what is not a list");
    REFUSE("\x80\x02]NNs.", "items for what is not a dictionary");
    REFUSE("\x80\x02}(Nu.", "a key without a value");
    REFUSE("\x80\x02]Nb.", "state for what is neither a dictionary nor foreign");
    REFUSE("\x80\x04}(N\x90.", "items for what is not a set");
}

static void a_memo_is_checked(void **state)
{
    (void)state;
    REFUSE("\x80\x02h\0.", "memo entry 0 is not there");
    REFUSE("\x80\x02}q\1h\0.", "memo entry 0 is not there");
    REFUSE("\x80\x02}j\xff\xff\xff\xff.", "memo entry 4294967295 is not there");
    REFUSE("\x80\x02q\0.", "opcode 0x71 finds too few values on the stack");
    REFUSE("\x80\x02}q\0X\4\0\0\0selfh\0s.", "dictionary 'self' holds itself");
    REFUSE("\x80\x02}q\0X\1\0\0\0a}q\1X\1\0\0\0bh\0ss.", "dictionary 'b' holds itself");
    REFUSE("\x80\x02]q\0h\0a.", "there is no dictionary that holds tensors");
    Str pickle = {0};
    mel_str_add_bytes(&pickle, "\x80\x02}r\xff\xff\xff\xff.", 9);
    refuse_bytes("memo", &pickle, ERR_LIMIT, "pickle, byte 3: more than 4194304 memo entries");
    mel_str_clear(&pickle);
}

/* `head`, `count` times `unit`, and the end mark. */
static void refuse_many(const char *head, const char *unit, int count, const char *wording)
{
    Str pickle = {0};
    mel_str_add(&pickle, head);
    for (int i = 0; i < count; i++)
        mel_str_add(&pickle, unit);
    mel_str_add(&pickle, ".");
    refuse_bytes(wording, &pickle, ERR_LIMIT, wording);
    mel_str_clear(&pickle);
}

static void a_pickle_cannot_grow_without_end(void **state)
{
    (void)state;
    refuse_many("\x80\x02", "(", 300, "more than 256 open marks");
    refuse_many("\x80\x02", "N", (1 << 20) + 1, "more than 1048576 values on the stack");
    refuse_many("\x80\x02", "}0", (4 << 20) + 1, "more than 4194304 objects");
    refuse_many("\x80\x02U\x01"
                "0q\1(U\x07storagectorch\nIntStorage\nh\1h\1K\x04tq\2",
                "h\2Q0", (4 << 20) / 5 + 1, "more than 4194304 objects");
    refuse_many("\x80\x02]q\1", "h\1a", (4 << 20) + 1, "more than 4194304 objects");
}

static void names_are_called_only_as_torch_calls_them(void **state)
{
    (void)state;
    REFUSE("\x80\x02"
           "ctorch\nSize\nN\x85R.",
           "torch.Size is not given a tuple");
    REFUSE("\x80\x02"
           "ctorch\nSize\nNR.",
           "a call without a tuple of arguments");
    REFUSE("\x80\x02"
           "ctorch\nFloatStorage\n)R.",
           "a call of torch.FloatStorage");
    REFUSE("\x80\x02N)R.", "a call of what is not a name");
    REFUSE("\x80\x02"
           "ccollections\nOrderedDict\n)\x81.",
           "an object of what is not a foreign class");
    REFUSE("\x80\x02"
           "ccollections\nOrderedDict\nN\x85R.",
           "OrderedDict is not given a list of pairs");
    REFUSE("\x80\x02"
           "ccollections\nOrderedDict\n]Na\x85R.",
           "OrderedDict is given something else than pairs");
    REFUSE("\x80\x02"
           "ctorch._utils\n_rebuild_parameter\n)R.",
           "a parameter is not given a tensor");
    REFUSE("\x80\x02"
           "ctorch._utils\n_rebuild_tensor_v2\n)R.",
           "a tensor of 0 arguments");
    REFUSE("\x80\x02"
           "ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtR.",
           "a tensor's arguments are not storage, offset, size and strides");
    REFUSE("\x80\x04N\x8c\1a\x93.", "a name that is not two short texts");
    /* what would run a program in Python is an object without content here */
    REFUSE("\x80\x02"
           "cos\nsystem\nX\2\0\0\0id\x85R.",
           "there is no dictionary that holds tensors");
}

static void a_persistent_id_has_to_be_a_storage(void **state)
{
    (void)state;
    REFUSE("\x80\x02NQ.", "a persistent id that is not a storage's");
    REFUSE("\x80\x02)Q.", "a persistent id that is not a storage's");
    REFUSE("\x80\x02(U\7storageNU\1"
           "0U\3"
           "cpuK\4tQ.",
           "a storage whose type is no class");
    REFUSE("\x80\x02(U\7storagectorch\nSize\nU\1"
           "0U\3"
           "cpuK\4tQ.",
           "a storage whose type is no class");
    REFUSE("\x80\x02(U\7storagectorch\nFloatStorage\nU\7../../aU\3"
           "cpuK\4tQ.",
           "a storage whose key is not a short number");
    REFUSE("\x80\x02(U\7storagectorch\nFloatStorage\nU\0U\3"
           "cpuK\4tQ.",
           "a storage whose key is not a short number");
    REFUSE("\x80\x02(U\7storagectorch\nFloatStorage\nU\1"
           "0U\3"
           "cpuJ\xff\xff\xff\xfftQ.",
           "storage '0' has no count of elements");
    REFUSE("\x80\x02(U\7storagectorch\nFloatStorage\nU\1"
           "0U\3"
           "cpuK\4(U\1"
           "1K\3K\2ttQ.",
           "storage '0': the view is not within it");
    REFUSE("\x80\x02(U\7storagectorch\nFloatStorage\nU\1"
           "0U\3"
           "cpuK\4NNtQ.",
           "a persistent id that is not a storage's");
}

static void refuse_tensor(PickledTensor tensor, ErrCode code, const char *wording)
{
    Str pickle = {0};
    if (!tensor.name) tensor.name = "w";
    if (!tensor.type) tensor.type = "IntStorage";
    if (!tensor.key) tensor.key = "0";
    pickle_state(&pickle, &tensor, 1, false);
    refuse_bytes(wording, &pickle, code, wording);
    mel_str_clear(&pickle);
}

#define OUTSIDE "tensor 'w': its view reaches out of the 4 elements of storage '0'"

static void a_view_outside_of_its_storage_is_refused(void **state)
{
    (void)state;
    const int64_t most = INT64_MAX;
    refuse_tensor((PickledTensor){.count = 4, .rank = 1, .size = {5}, .strides = {1}}, ERR_FORMAT,
                  OUTSIDE);
    refuse_tensor((PickledTensor){.count = 4, .offset = 4}, ERR_FORMAT, OUTSIDE);
    refuse_tensor((PickledTensor){.count = 4, .offset = -1}, ERR_FORMAT, OUTSIDE);
    refuse_tensor((PickledTensor){.count = 4, .offset = 5, .rank = 1, .size = {0}, .strides = {1}},
                  ERR_FORMAT, OUTSIDE);
    refuse_tensor(
        (PickledTensor){
            .count = 4, .rank = 2, .size = {2, 2},
                    .strides = {3, 1}
    },
        ERR_FORMAT, OUTSIDE);
    refuse_tensor((PickledTensor){.count = 4, .rank = 1, .size = {3}, .strides = {most}},
                  ERR_FORMAT, OUTSIDE);
    refuse_tensor(
        (PickledTensor){.count = 4, .offset = 2, .rank = 1, .size = {2}, .strides = {most}},
        ERR_FORMAT, OUTSIDE);
    refuse_tensor((PickledTensor){.count = 4, .rank = 1, .size = {2}, .strides = {-1}}, ERR_FORMAT,
                  "tensor 'w': the stride of dimension 0 is negative (-1)");
    refuse_tensor((PickledTensor){.count = 4, .rank = 1, .size = {-2}, .strides = {1}}, ERR_FORMAT,
                  "tensor 'w': dimension 0 is negative (-2)");
    refuse_tensor(
        (PickledTensor){
            .count = 4, .rank = 7, .size = {1, 1, 1, 1, 1, 1, 1}
    },
        ERR_LIMIT, "tensor 'w': it has 7 dimensions, the limit is 6");
    refuse_tensor(
        (PickledTensor){
            .count = 4, .rank = 2, .size = {most, most}
    },
        ERR_FORMAT, "tensor 'w': its shape has more bytes than can be counted");
    refuse_tensor(
        (PickledTensor){
            .count = 4, .rank = 2, .size = {1 << 20, 1 << 20}
    },
        ERR_LIMIT,
        "tensor 'w': with its 4398046511104 bytes, views of the stored numbers take more");
}

static void a_storage_that_is_not_what_the_pickle_says_is_refused(void **state)
{
    (void)state;
    refuse_tensor((PickledTensor){.count = 4, .key = "1"}, ERR_FORMAT,
                  "tensor 'w': storage '1' is not in the archive");
    refuse_tensor((PickledTensor){.count = 4, .key = "00"}, ERR_FORMAT,
                  "tensor 'w': storage '00' is not in the archive");
    refuse_tensor((PickledTensor){.count = 3}, ERR_FORMAT,
                  "tensor 'w': storage '0' has 16 bytes, not 3 elements of 4");
    refuse_tensor((PickledTensor){.count = 5}, ERR_FORMAT,
                  "tensor 'w': storage '0' has 16 bytes, not 5 elements of 4");
    refuse_tensor((PickledTensor){.count = (1LL << 62) + 4}, ERR_FORMAT,
                  "tensor 'w': storage '0' has 16 bytes");
    refuse_tensor((PickledTensor){.count = 2, .type = "ComplexFloatStorage"}, ERR_FORMAT,
                  "tensor 'w': its type, ComplexFloatStorage, is not supported");
    refuse_tensor((PickledTensor){.count = 2, .type = "EvilStorage"}, ERR_FORMAT,
                  "tensor 'w': its type, torch.EvilStorage, is not supported");
    refuse_tensor(
        (PickledTensor){
            .count = 16, .type = "BoolStorage", .rank = 1, .size = {16}, .strides = {1}},
        ERR_FORMAT, "tensor 'w': element 4 is 2, which is no truth value");
    refuse_tensor((PickledTensor){.name = "", .count = 4}, ERR_FORMAT, "the name '' is empty");
    refuse_tensor((PickledTensor){.name = "a\x1b[2J", .count = 4}, ERR_FORMAT,
                  "the name 'a?[2J' is empty, over 512 bytes or has control characters");
    refuse_tensor((PickledTensor){.name = "\xc3", .count = 4}, ERR_FORMAT, "the name '?' is empty");
}

static void dictionaries_that_can_be_read_in_two_ways_are_refused(void **state)
{
    (void)state;
    PickledTensor tensors[2] = {
        {.name = "w", .type = "IntStorage", .key = "0", .count = 4},
        {.name = "w", .type = "IntStorage", .key = "0", .count = 4}
    };
    Str pickle = {0};
    pickle_state(&pickle, tensors, 2, false);
    refuse_bytes("twice", &pickle, ERR_FORMAT, "the key 'w' is there twice in one dictionary");
    mel_str_reset(&pickle);
    mel_str_add(&pickle, "\x80\x02}K\x01");
    pickle_tensor(&pickle, &tensors[0], false);
    mel_str_add(&pickle, "s(");
    pickle_text(&pickle, "w");
    pickle_tensor(&pickle, &tensors[0], false);
    mel_str_add(&pickle, "u.");
    refuse_bytes("a number", &pickle, ERR_FORMAT, "has a key that is not a text");
    mel_str_reset(&pickle);
    mel_str_add(&pickle, "\x80\x02");
    for (int i = 0; i < 20; i++) {
        mel_str_add(&pickle, "}");
        pickle_text(&pickle, "d");
    }
    mel_str_add(&pickle, "}ssssssssssssssssssss.");
    refuse_bytes("depth", &pickle, ERR_LIMIT, "dictionaries are nested deeper than 16");
    mel_str_clear(&pickle);
}

static void put_legacy(Str *bytes, const char *key, uint64_t count)
{
    PickledTensor tensor = {"w", "IntStorage", "7", 4, 0, 1, {4}, {1}};
    legacy_preface(bytes);
    pickle_state(bytes, &tensor, 1, true);
    mel_str_add(bytes, "\x80\x02]");
    pickle_text(bytes, key);
    mel_str_add(bytes, "a.");
    put_number(bytes, count, 8);
    mel_str_add_bytes(bytes, storage_bytes, sizeof storage_bytes);
}

static void refuse_legacy(const char *key, uint64_t count, const char *more, const char *wording)
{
    Str bytes = {0};
    put_legacy(&bytes, key, count);
    mel_str_add(&bytes, more);
    check_refused(wording, &bytes, ERR_FORMAT, wording);
    mel_str_clear(&bytes);
}

static void a_legacy_file_with_other_storages_is_refused(void **state)
{
    (void)state;
    refuse_legacy("8", 4, "", "storage '8' is listed but not used");
    refuse_legacy("7", 3, "", "storage '7' has 3 elements here and 4 in the objects");
    refuse_legacy("7", UINT64_MAX, "", "storage '7' has 18446744073709551615 elements here");
    refuse_legacy("7", 4, "x", "something follows the last storage");
}

/* The three pickles before the objects, with one of them changed. */
static void refuse_preface(size_t at, const char *bytes_there, const char *wording)
{
    Str bytes = {0};
    put_legacy(&bytes, "7", 4);
    memcpy(bytes.text + at, bytes_there, strlen(bytes_there));
    check_refused(wording, &bytes, ERR_FORMAT, wording);
    mel_str_clear(&bytes);
}

static void a_legacy_file_of_another_kind_is_refused(void **state)
{
    (void)state;
    refuse_preface(4, "\x6d", "a pickle, but not one of torch's (no magic number)");
    refuse_preface(18, "\xea", "the protocol is not 1001");
    refuse_preface(29, "Little", "its byte order is not said to be little-endian");
    refuse_preface(42, "\x89", "its byte order is not said to be little-endian");
}

/* Objects that need storage 7, and `keys` as the list of the storages. */
static void refuse_keys(const char *keys, const char *wording)
{
    PickledTensor tensor = {"w", "IntStorage", "7", 4, 0, 1, {4}, {1}};
    Str bytes = {0};
    legacy_preface(&bytes);
    pickle_state(&bytes, &tensor, 1, true);
    mel_str_add(&bytes, keys);
    check_refused(wording, &bytes, ERR_FORMAT, wording);
    mel_str_clear(&bytes);
}

static void a_list_of_keys_that_is_none_is_refused(void **state)
{
    (void)state;
    refuse_keys("\x80\x02}.", "the storage keys are not a list");
    refuse_keys("\x80\x02]K\x07"
                "a.",
                "storage key 0 is not a text");
    refuse_keys("\x80\x02].", "tensor 'w': storage '7' is not in the file");
    refuse_keys("\x80\x02]U\x01"
                "7a.",
                "the file ends before storage '7'");
}

/* The same storage under two types, and a key that is listed twice. */
static void a_legacy_storage_has_one_description(void **state)
{
    (void)state;
    PickledTensor tensors[] = {
        {"v", "IntStorage",   "7", 4, 0, 1, {4}, {1}},
        {"w", "FloatStorage", "7", 4, 0, 1, {4}, {1}}
    };
    for (int same = 0; same < 2; same++) {
        Str bytes = {0};
        if (same) tensors[1].type = "IntStorage";
        legacy_preface(&bytes);
        pickle_state(&bytes, tensors, 2, true);
        mel_str_add(&bytes, "\x80\x02](U\x01"
                            "7U\x01"
                            "7e.");
        for (int i = 0; i < 2; i++) {
            put_number(&bytes, 4, 8);
            mel_str_add_bytes(&bytes, storage_bytes, sizeof storage_bytes);
        }
        check_refused("two", &bytes, ERR_FORMAT,
                      same ? "storage '7' is listed twice"
                           : "storage '7' is described in two ways");
        mel_str_clear(&bytes);
    }
}

static void cut_or_damaged_files_are_refused_or_hold_together(void **state)
{
    (void)state;
    PickledTensor tensors[] = {
        {"v", "IntStorage", "0", 4, 0, 2, {2, 2}, {1, 2}},
        {"w", "IntStorage", "0", 4, 1, 1, {3},    {1}   }
    };
    ZipWriter zip = {0};
    Str pickle = {0}, legacy = {0};
    pickle_state(&pickle, tensors, 2, false);
    wrap(pickle.text, pickle.length, &zip);
    check_truncations("zip", &zip.bytes);
    check_damage(&zip.bytes);
    put_legacy(&legacy, "7", 4);
    check_truncations("legacy", &legacy);
    check_damage(&legacy);
    mel_str_clear(&legacy);
    mel_str_clear(&pickle);
    zip_clear(&zip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opcodes_outside_of_the_list_are_refused),
        cmocka_unit_test(a_pickle_that_is_cut_off_is_refused),
        cmocka_unit_test(a_stack_that_does_not_hold_what_is_asked_is_refused),
        cmocka_unit_test(a_memo_is_checked),
        cmocka_unit_test(a_pickle_cannot_grow_without_end),
        cmocka_unit_test(names_are_called_only_as_torch_calls_them),
        cmocka_unit_test(a_persistent_id_has_to_be_a_storage),
        cmocka_unit_test(a_view_outside_of_its_storage_is_refused),
        cmocka_unit_test(a_storage_that_is_not_what_the_pickle_says_is_refused),
        cmocka_unit_test(dictionaries_that_can_be_read_in_two_ways_are_refused),
        cmocka_unit_test(a_legacy_file_with_other_storages_is_refused),
        cmocka_unit_test(a_legacy_file_of_another_kind_is_refused),
        cmocka_unit_test(a_list_of_keys_that_is_none_is_refused),
        cmocka_unit_test(a_legacy_storage_has_one_description),
        cmocka_unit_test(cut_or_damaged_files_are_refused_or_hold_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
