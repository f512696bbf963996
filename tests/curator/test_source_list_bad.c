/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists that are not as they should be. Each ends in its named reason, and the good rows around
 * the fault go in: a table of texts, then the ones that are too long to write down. */
#include "tests/curator/list_collector.h"

#include <sys/stat.h>

/* A row by row case: the good rows are counted, the bad ones named by line. */
typedef struct RowCase {
    const char *what, *name, *text;
    size_t length; /* 0 = strlen */
    int good;
    const char *bad;
} RowCase;

#define BYTES(literal) (literal), sizeof(literal) - 1
#define GOOD "mElKit___01"
#define MC_HEAD                                                                                    \
    "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id,"                   \
    "is_balanced_subset,is_audioset_eval\n"
#define MC_ROW "mElKit___01,30,40,/m/04rlf,['a'],text,1,False,True\n"
#define VGG_ROW "mElKit___01,30,playing harp,train\n"
#define AS_ROW "mElKit___01, 30.000, 40.000, \"/m/09x0r\"\n"

static const RowCase row_cases[] = {
    {"a quote that never closes",                           "a.csv",
     BYTES("url,caption\n" GOOD ",a\n" GOOD ",\"b\n" GOOD ",c\n" GOOD ",\"d\"\n"),                                                  3,
     "3 list.text_after_quote\n"                                                                                                                                                                                 },
    {"a quote that never closes, at the end",               "a.csv",
     BYTES("url,caption\n" GOOD ",\"b\n" GOOD ",c\n"),                                                                              1, "2 list.unclosed_quote\n"                                                 },
    {"a NUL byte",                                          "a.csv",   BYTES("url,caption\n" GOOD ",a\0b\n" GOOD ",c\n"),           1, "2 list.nul\n"                                                            },
    {"a NUL byte in quotes",                                "a.csv",   BYTES("url,caption\n" GOOD ",\"a\0b\"\n" GOOD ",c\n"),       1,
     "2 list.nul\n"                                                                                                                                                                                              },
    {"a NUL byte in an id",                                 "v.csv",   BYTES("mElKit\0__01,30,harp,train\n" VGG_ROW),               1,
     "1 list.nul\n"                                                                                                                                                                                              },
    {"a NUL byte in JSON",                                  "a.jsonl", BYTES("{\"url\":\"" GOOD "\0\"}\n{\"url\":\"" GOOD "\"}\n"),
     1,                                                                                                                                "1 list.nul\n"                                                            },
    {"Latin-1 text",                                        "a.csv",   BYTES("url,caption\n" GOOD ",caf\xE9\n" GOOD ",c\n"),        1,
     "2 list.not_utf8\n"                                                                                                                                                                                         },
    {"mixed line ends",                                     "a.csv",
     BYTES("url,start_s\r\n" GOOD ",1\n" GOOD ",x\r" GOOD ",3\r\n\r\n" GOOD ",-1\n"),                                               2,
     "3 list.bad_time\n6 list.bad_time\n"                                                                                                                                                                        },
    {"a bad row in a list with CR line ends",               "a.csv",
     BYTES("url,caption\r" GOOD ",\"b\"c\r" GOOD ",d\r" GOOD ",e\r"),                                                               2,
     "2 list.text_after_quote\n"                                                                                                                                                                                 },
    {"too few and too many columns",                        "a.csv",
     BYTES("url,caption\n" GOOD "\n" GOOD ",a,b\n" GOOD ",c\n"),                                                                    1,
     "2 list.columns\n3 list.columns\n"                                                                                                                                                                          },
    {"a row that names no source",                          "a.csv",   BYTES("url,caption\n,a\n  ,b\n" GOOD ",c\n"),                1,
     "2 list.missing_source\n3 list.missing_source\n"                                                                                                                                                            },
    {"times that are none",                                 "a.csv",
     BYTES("url,start_s,end_s\n" GOOD ",-1,5\n" GOOD ",1e999,\n" GOOD ",nan,\n" GOOD ",inf,\n" GOOD
           ",0x10,\n" GOOD ",1 2,\n" GOOD ",12:60,\n" GOOD ",1:2:3:4,\n" GOOD ",9e9,\n" GOOD
           ",,7\n" GOOD ",1,2\n"),
     1,                                                                                                                                "2 list.bad_time\n3 list.bad_time\n4 list.bad_time\n5 list.bad_time\n6 list.bad_time\n"
     "7 list.bad_time\n8 list.bad_time\n9 list.bad_time\n10 list.bad_time\n11 list.bad_time\n"                                                                                                            },
    {"spans that are none",                                 "a.csv",
     BYTES("url,start_s,end_s\n" GOOD ",5,5\n" GOOD ",5,4\n" GOOD ",0,3601\n" GOOD ",0,86400\n" GOOD
           ",0,3600\n"),
     1,                                                                                                                                "2 list.bad_span\n3 list.bad_span\n4 list.bad_span\n5 list.bad_span\n"    },
    {"minutes and seconds are no time in a published list", "v.csv",
     BYTES("mElKit___01,12:30,harp,train\n" VGG_ROW),                                                                               1, "1 list.bad_time\n"                                                       },
    {"ids that would leave their folder",                   "v.csv",
     BYTES(VGG_ROW "../../../et,1,harp,train\nmElKit/..01,1,harp,train\nmElKit___1,1,harp,test\n"),
     1,                                                                                                                                "2 list.bad_id\n3 list.bad_id\n4 list.bad_id\n"                           },
    {"an id that a spreadsheet ate",                        "s.csv",
     BYTES("# YTID, start_seconds, end_seconds, positive_labels\n#NAME?, 3, 5, /m/09x0r\n" AS_ROW),
     1,                                                                                                                                "2 list.bad_id\n"                                                         },
    {"other schemes",                                       "a.csv",
     BYTES("url\nfile:///etc/passwd\njavascript:alert(1)\nftp://example.org/a\n"
           "\"data:text/plain,x\"\nhttp://\nhttps://u:secret@example.org/a\n" GOOD "\n"),
     1,                                                                                                                                "2 list.bad_url\n3 list.bad_url\n4 list.bad_url\n5 list.bad_url\n6 list.bad_url\n"
     "7 list.bad_url\n"                                                                                                                                                                                   },
    {"files that are not there",                            "a.csv",
     BYTES("path\nnone.wav\n../none.wav\n/\n.\nmElKit___01\nhttps://example.org/a\n"),                                              1,
     "2 list.no_file\n3 list.no_file\n4 list.no_file\n5 list.no_file\n6 list.no_file\n"                                                                                                                          },
    {"control characters",                                  "a.csv",
     BYTES("url,caption,genre\n" GOOD ",a\x1B[2Jb,x\n" GOOD ",\xC2\x9B,x\n" GOOD ",a,x\x7F\n" GOOD
           "\a,a,x\n" GOOD ",\"a\tb\nc\",x\n"),
     1,                                                                                                                                "2 list.control\n3 list.control\n4 list.control\n5 list.control\n"        },
    {"JSON that is none",                                   "a.jsonl",
     BYTES("{\"url\":\"" GOOD "\"}\n{\"url\":\"" GOOD "\"\n[1]\n7\nnull\n{\"url\":\"" GOOD
           "\"} {}\n{\"url\":\"" GOOD "\",\"start_s\":1e999}\n{\"url\":\"" GOOD
           "\",\"start_s\":NaN}\n"),
     1,                                                                                                                                "2 list.bad_json\n3 list.bad_json\n4 list.bad_json\n5 list.bad_json\n6 list.bad_json\n"
     "7 list.bad_json\n8 list.bad_json\n"                                                                                                                                                                 },
    {"keys given twice",                                    "a.jsonl",
     BYTES("{\"url\":\"" GOOD "\",\"url\":\"x\"}\n{\"url\":\"" GOOD
           "\",\"URL\":\"x\"}\n{\"url\":\"" GOOD "\"}\n"),
     1,                                                                                                                                "1 list.bad_json\n2 list.duplicate_key\n"                                 },
    {"surrogates without their pair",                       "a.jsonl",
     BYTES("{\"url\":\"" GOOD "\",\"text\":\"\\ud800\"}\n{\"url\":\"" GOOD
           "\",\"text\":\"\\udc00x\"}\n{\"url\":\"" GOOD "\",\"text\":\"\\ud83c\\udfb5\"}\n"
           "{\"url\":\"" GOOD "\",\"text\":\"\xED\xA0\x80\"}\n{\"url\":\"" GOOD
           "\",\"text\":\"\\u0000\"}\n"),
     1,                                                                                                                                "1 list.bad_json\n2 list.bad_json\n4 list.not_utf8\n5 list.bad_json\n"    },
    {"control characters in JSON",                          "a.jsonl",
     BYTES("{\"url\":\"" GOOD "\",\"text\":\"\\u001b[2J\"}\n{\"url\":\"" GOOD "\"}\n"),                                             1,
     "1 list.control\n"                                                                                                                                                                                          },
    {"captions that are no text",                           "a.jsonl",
     BYTES("{\"url\":\"" GOOD "\",\"captions\":[7]}\n{\"url\":\"" GOOD "\",\"captions\":[]}\n"),                                    1,
     "1 list.bad_caption\n"                                                                                                                                                                                      },
    {"a split that is no word",                             "a.csv",   BYTES("url,split\n" GOOD ",../x\n" GOOD ",val\n"),           1,
     "2 list.bad_split\n"                                                                                                                                                                                        },
    {"a split that VGGSound does not have",                 "v.csv",
     BYTES(VGG_ROW "mElKit___01,30,harp,Train\n"
                   "mElKit___01,30,harp,\n"),
     1,                                                                                                                                "2 list.bad_split\n3 list.bad_split\n"                                    },
    {"an unquoted comma in VGGSound",                       "v.csv",
     BYTES(VGG_ROW "mElKit___01,30,female speech, woman speaking,train\n"),                                                         1, "2 list.columns\n"                                                        },
    {"AudioSet labels that are none",                       "s.csv",
     BYTES(AS_ROW "mElKit___01, 30, 40, \"Speech\"\n"
                  "mElKit___01, 30, 40, \"/m/a,\"\n"
                  "mElKit___01, 30, 40, \"/m/../x\"\n"
                  "mElKit___01, 30, 40, \"\"\n"),
     1,                                                                                                                                "2 list.bad_label\n3 list.bad_label\n4 list.bad_label\n5 list.bad_label\n"},
    {"Python lists that are none",                          "mc.csv",
     BYTES(MC_HEAD MC_ROW "mElKit___01,30,40,/m/04rlf,\"['a'\",t,1,False,True\n"
                          "mElKit___01,30,40,/m/04rlf,\"['a\",t,1,False,True\n"
                          "mElKit___01,30,40,/m/04rlf,['a' 'b'],t,1,False,True\n"
                          "mElKit___01,30,40,/m/04rlf,[None],t,1,False,True\n"
                          "mElKit___01,30,40,/m/04rlf,['\\ud800'],t,1,False,True\n"
                          "mElKit___01,30,40,/m/04rlf,['\\x4'],t,1,False,True\n"
                          "mElKit___01,30,40,/m/04rlf,['\\0'],t,1,False,True\n"
                          "mElKit___01,30,40,/m/04rlf,['a'] + x,t,1,False,True\n"
                          "mElKit___01,30,40,/m/04rlf,,t,1,False,True\n"
                          "mElKit___01,30,40,/m/04rlf,['\\x1b[2J'],t,1,False,True\n"),
     1,                                                                                                                                "3 list.bad_list\n4 list.bad_list\n5 list.bad_list\n6 list.bad_list\n7 list.bad_list\n"
     "8 list.bad_list\n9 list.bad_list\n10 list.bad_list\n11 list.bad_list\n12 list.control\n"                                                                                                            },
    {"MusicCaps flags and authors that are none",           "mc.csv",
     BYTES(MC_HEAD "mElKit___01,30,40,/m/04rlf,['a'],t,1,false,True\n"
                   "mElKit___01,30,40,/m/04rlf,['a'],t,1,False,1\n"
                   "mElKit___01,30,40,/m/04rlf,['a'],t,me,False,True\n"
                   "mElKit___01,30,40,/m/04rlf,['a'],t,-1,False,True\n" MC_ROW),
     1,                                                                                                                                "2 list.bad_flag\n3 list.bad_flag\n4 list.bad_author\n5 list.bad_author\n"},
};

static void every_bad_row_has_its_reason_and_the_rest_goes_in(void **state)
{
    (void)state;
    char *folder = test_folder();
    for (size_t i = 0; i < MEL_COUNT(row_cases); i++) {
        const RowCase *c = &row_cases[i];
        Err err = {0};
        Collector collector = {0};
        const char *path = test_path(folder, "%s", c->name);
        test_write(path, c->text, c->length);
        if (!collect(&collector, path, LIST_AUTO, &err))
            fail_msg("%s: %s (%s)", c->what, err.message, mel_str_text(&collector.bad));
        if (collector.row_count != c->good || strcmp(mel_str_text(&collector.bad), c->bad) != 0)
            fail_msg("%s: %d good rows, bad:\n%swanted %d and\n%s", c->what, collector.row_count,
                     mel_str_text(&collector.bad), c->good, c->bad);
        collector_clear(&collector);
    }
    test_folder_remove(folder);
}

/* A whole list that cannot be read. */
typedef struct ListCase {
    const char *what, *name, *text;
    size_t length;
    ErrCode code;
    const char *reason;
} ListCase;

static const ListCase list_cases[] = {
    {"an empty file",                 "a.csv",    BYTES(""),                                             ERR_FORMAT, "list.empty"    },
    {"a mark and nothing",            "a.csv",    BYTES("\xEF\xBB\xBF\r\n \n"),                          ERR_FORMAT, "list.empty"    },
    {"comments only",                 "a.csv",    BYTES("# nothing\n# here\n"),                          ERR_FORMAT, "list.no_header"},
    {"the comments of AudioSet only", "a.csv",
     BYTES("# Segments csv\n# YTID, start_seconds, end_seconds, positive_labels\n"),                     ERR_FORMAT,
     "list.empty"                                                                                                                    },
    {"a header only",                 "a.csv",    BYTES("url,start_s\n"),                                ERR_FORMAT, "list.empty"    },
    {"no header",                     "a.csv",    BYTES("some,words\nand,more\n"),                       ERR_FORMAT, "list.no_header"},
    {"no column for the source",      "a.csv",    BYTES("start_s,caption\n1,a\n"),                       ERR_FORMAT,
     "list.no_header"                                                                                                                },
    {"the same column twice",         "a.csv",    BYTES("url,mood,Url\na,b,c\n"),                        ERR_FORMAT,
     "list.duplicate_column"                                                                                                         },
    {"UTF-16 with a mark",            "a.csv",    BYTES("\xFF\xFEu\0r\0l\0\n\0"),                        ERR_FORMAT, "list.utf16"    },
    {"UTF-16 without one",            "a.csv",    BYTES("\0u\0r\0l\0,\0a\0\n\0x\0,\0y"),                 ERR_FORMAT,
     "list.utf16"                                                                                                                    },
    {"a program",                     "a.csv",
     BYTES("\x7F"
           "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\x3E\0\1\0\0\0"),
     ERR_FORMAT,                                                                                                     "list.binary"   },
    {"a packed list",                 "a.csv.gz", BYTES("\x1F\x8B\x08\0\x1A\0\3\0\1\2\5\7\x0E\x12\xFF"), ERR_FORMAT,
     "list.binary"                                                                                                                   },
    {"one JSON array",                "a.json",   BYTES("[{\"url\":\"mElKit___01\"}]"),                  ERR_FORMAT,
     "list.json_array"                                                                                                               },
    {"bad rows only",                 "a.csv",    BYTES("url\n../x\n://\n"),                             ERR_FORMAT, "list.no_rows"  },
    {"a bad first line",              "a.csv",    BYTES("url,\"a\"b\nmElKit___01,x\n"),                  ERR_FORMAT,
     "list.no_header"                                                                                                                },
};

static void every_unreadable_list_has_its_reason(void **state)
{
    (void)state;
    char *folder = test_folder();
    for (size_t i = 0; i < MEL_COUNT(list_cases); i++) {
        const ListCase *c = &list_cases[i];
        Err err = {0};
        Collector collector = {.format = LIST_AUTO};
        const char *path = test_path(folder, "%s", c->name);
        test_write(path, c->text, c->length);
        bool ok = collect(&collector, path, LIST_AUTO, &err);
        if (ok || err.code != c->code || strcmp(err.reason, c->reason) != 0)
            fail_msg("%s: %s %s: %s, wanted %s", c->what, mel_err_code_name(err.code), err.reason,
                     err.message, c->reason);
        assert_int_equal(collector.row_count, 0);
        collector_clear(&collector);
    }
    test_folder_remove(folder);
}

static void check_refused(const char *path, ListFormat format, ErrCode code, const char *reason)
{
    Err err = {0};
    Collector collector = {0};
    assert_false(collect(&collector, path, format, &err));
    assert_string_equal(err.reason, reason);
    assert_int_equal(err.code, code);
    collector_clear(&collector);
}

static void a_wrong_format_or_place_is_refused(void **state)
{
    (void)state;
    char *folder = test_folder();
    const char *csv = test_path(folder, "a.csv");
    test_write(csv, "url\nmElKit___01\n", 16);
    check_refused(csv, LIST_MUSICCAPS, ERR_FORMAT, "list.bad_header");
    check_refused(csv, LIST_JSONL, ERR_FORMAT, "list.no_rows");
    check_refused(csv, LIST_VGGSOUND, ERR_FORMAT, "list.no_rows");
    check_refused(folder, LIST_CSV, ERR_USAGE, "list.not_a_file");
    check_refused(test_path(folder, "none.csv"), LIST_AUTO, ERR_NOT_FOUND, "list.missing");
    assert_int_equal(mkfifo(test_path(folder, "pipe"), 0600), 0);
    check_refused(test_path(folder, "pipe"), LIST_AUTO, ERR_IO, "list.not_a_file");
    Err err = {0};
    CHECK_OK(mel_make_dirs(test_path(folder, "empty"), &err));
    check_refused(test_path(folder, "empty"), LIST_AUTO, ERR_FORMAT, "list.empty");
    test_folder_remove(folder);
}

static char *repeated(char c, size_t n)
{
    char *text = mel_alloc(n + 1);
    memset(text, c, n);
    return text;
}

/* A good row, the long bad one, a good row: the bad one has this reason, the others go in. */
static void check_long(const char *name, const char *head, const char *bad, const char *good,
                       const char *reason)
{
    Err err = {0};
    Collector collector = {0};
    char *folder = test_folder();
    const char *path = test_path(folder, "%s", name);
    char *text = mel_asprintf("%s%s%s\n%s", head, good, bad, good);
    test_write(path, text, strlen(text));
    CHECK_OK(collect(&collector, path, LIST_AUTO, &err));
    assert_int_equal(collector.row_count, 2);
    assert_int_equal(collector.bad_count, 1);
    assert_string_equal(collector.first_reason, reason);
    free(text);
    collector_clear(&collector);
    test_folder_remove(folder);
}

static void a_million_columns_spoil_their_row_only(void **state)
{
    (void)state;
    char *commas = repeated(',', 1000000);
    check_long("a.csv", "url,caption\n", commas, GOOD ",a\n", "list.many_columns");
    free(commas);
}

static void ten_megabytes_in_a_line_spoil_their_row_only(void **state)
{
    (void)state;
    char *line = repeated('x', 10 << 20);
    check_long("a.csv", "url,caption\n", line, GOOD ",a\n", "list.long_row");
    check_long("a.jsonl", "", line, "{\"url\":\"" GOOD "\"}\n", "list.long_row");
    line[0] = '"';
    check_long("a.csv", "url,caption\n", line, GOOD ",a\n", "list.long_row");
    free(line);
}

static void an_id_of_five_thousand_bytes_spoils_its_row_only(void **state)
{
    (void)state;
    char *id = repeated('a', 5000);
    char *row = mel_asprintf("%s,b", id);
    check_long("a.csv", "url,caption\n", row, GOOD ",a\n", "list.bad_id");
    char *published = mel_asprintf("%s,30,harp,train", id);
    check_long("v.csv", "", published, VGG_ROW, "list.bad_id");
    char *url = mel_asprintf("https://example.org/%.3000s,b", id);
    check_long("a.csv", "url,caption\n", url, GOOD ",a\n", "list.bad_url");
    free(url);
    free(published);
    free(row);
    free(id);
}

static void json_nested_too_deeply_spoils_its_row_only(void **state)
{
    (void)state;
    char *open = repeated('[', 100000);
    char *row = mel_asprintf("{\"url\":\"" GOOD "\",\"x\":%s", open);
    check_long("a.jsonl", "", row, "{\"url\":\"" GOOD "\"}\n", "list.bad_json");
    free(row);
    free(open);
}

static void five_thousand_aspects_spoil_their_row_only(void **state)
{
    (void)state;
    Str row = {0};
    mel_str_add(&row, "mElKit___01,30,40,/m/04rlf,\"[");
    for (int i = 0; i < 5000; i++)
        mel_str_add(&row, "'a',");
    mel_str_add(&row, "]\",text,1,False,True");
    check_long("mc.csv", MC_HEAD, row.text, MC_ROW, "list.bad_list");
    mel_str_clear(&row);
}

static void the_report_of_a_row_shows_its_start(void **state)
{
    (void)state;
    Err err = {0};
    Collector collector = {0};
    char *folder = test_folder();
    const char *path = test_path(folder, "a.csv");
    const char text[] = "url,caption\nmElKit___01,x\n../x\xC3\xA9,\x1B]0;a\abell\n";
    test_write(path, text, strlen(text));
    CHECK_OK(collect(&collector, path, LIST_AUTO, &err));
    assert_int_equal(collector.first_bad_line, 3);
    assert_string_equal(collector.first_text, "../x\xC3\xA9,?]0;a?bell");
    collector_clear(&collector);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bad_row_has_its_reason_and_the_rest_goes_in),
        cmocka_unit_test(every_unreadable_list_has_its_reason),
        cmocka_unit_test(a_wrong_format_or_place_is_refused),
        cmocka_unit_test(a_million_columns_spoil_their_row_only),
        cmocka_unit_test(ten_megabytes_in_a_line_spoil_their_row_only),
        cmocka_unit_test(an_id_of_five_thousand_bytes_spoils_its_row_only),
        cmocka_unit_test(json_nested_too_deeply_spoils_its_row_only),
        cmocka_unit_test(five_thousand_aspects_spoil_their_row_only),
        cmocka_unit_test(the_report_of_a_row_shows_its_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
