/* SPDX-License-Identifier: Apache-2.0
 *
 * dataset.croissant.json: the export in MLCommons' Croissant vocabulary, version 1.0 (JSON-LD): its
 * files with their hashes, and the fields of those that are tables. */
#include "curator/export_internal.h"

#include <stdlib.h>
#include <string.h>

static json_t *context(void)
{
    json_t *c = json_object();
    static const char *const names[][2] = {
        {"@language",          "en"                                 },
        {"@vocab",             "https://schema.org/"                },
        {"citeAs",             "cr:citeAs"                          },
        {"column",             "cr:column"                          },
        {"conformsTo",         "dct:conformsTo"                     },
        {"cr",                 "http://mlcommons.org/croissant/"    },
        {"dct",                "http://purl.org/dc/terms/"          },
        {"rai",                "http://mlcommons.org/croissant/RAI/"},
        {"equivalentProperty", "cr:equivalentProperty"              },
        {"samplingRate",       "cr:samplingRate"                    },
        {"extract",            "cr:extract"                         },
        {"field",              "cr:field"                           },
        {"fileObject",         "cr:fileObject"                      },
        {"fileProperty",       "cr:fileProperty"                    },
        {"fileSet",            "cr:fileSet"                         },
        {"format",             "cr:format"                          },
        {"includes",           "cr:includes"                        },
        {"isLiveDataset",      "cr:isLiveDataset"                   },
        {"jsonPath",           "cr:jsonPath"                        },
        {"key",                "cr:key"                             },
        {"md5",                "cr:md5"                             },
        {"parentField",        "cr:parentField"                     },
        {"path",               "cr:path"                            },
        {"recordSet",          "cr:recordSet"                       },
        {"references",         "cr:references"                      },
        {"regex",              "cr:regex"                           },
        {"repeated",           "cr:repeated"                        },
        {"replace",            "cr:replace"                         },
        {"sc",                 "https://schema.org/"                },
        {"separator",          "cr:separator"                       },
        {"source",             "cr:source"                          },
        {"subField",           "cr:subField"                        },
        {"transform",          "cr:transform"                       },
    };
    for (size_t i = 0; i < MEL_COUNT(names); i++)
        mel_json_set_text(c, names[i][0], names[i][1]);
    json_object_set_new(c, "data", json_pack("{s:s, s:s}", "@id", "cr:data", "@type", "@json"));
    json_object_set_new(c, "examples",
                        json_pack("{s:s, s:s}", "@id", "cr:examples", "@type", "@json"));
    json_object_set_new(c, "dataType",
                        json_pack("{s:s, s:s}", "@id", "cr:dataType", "@type", "@vocab"));
    return c;
}

/* The side whose data file this is, or -1: media, sums and cards are not data files. */
static int side_of(const ExportRun *run, const char *name)
{
    const char *base = mel_starts_with(name, "data/") ? name + 5 : name;
    if (strchr(base, '/')) return -1;
    for (int i = 0; i < run->report->side_count; i++) {
        size_t n = strlen(run->report->sides[i]);
        /* behind the side comes "." or "-000000.tar"; no side is cut short that way, as "-" may
         * be part of a longer side's name */
        const char *rest = base + n;
        if (strncmp(base, run->report->sides[i], n) != 0) continue;
        if (*rest == '-' && rest[1] >= '0' && rest[1] <= '9')
            rest += 1 + strspn(rest + 1, "0123456789of-");
        if (*rest == '.' && !strchr(rest + 1, '.')) return i;
    }
    return -1;
}

static json_t *file_object(const ExportRun *run, const ExportFile *file)
{
    char size[32];
    snprintf(size, sizeof size, "%lld B", (long long)file->size_bytes);
    json_t *object = json_object();
    mel_json_set_text(object, "@type", "cr:FileObject");
    mel_json_set_text(object, "@id", file->name);
    mel_json_set_text(object, "name", file->name);
    mel_json_set_text(object, "contentUrl", file->name);
    mel_json_set_text(object, "contentSize", size);
    mel_json_set_text(object, "encodingFormat", mel_export_kind(run->options->format)->encoding);
    mel_json_set_text(object, "sha256", file->sha256);
    return object;
}

static json_t *distribution(const ExportRun *run, const ExportFile *files, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (side_of(run, files[i].name) >= 0)
            json_array_append_new(list, file_object(run, &files[i]));
    return list;
}

typedef struct Field {
    const char *name, *type;
} Field;

static const Field common_fields[] = {
    {"id",        "sc:Text" },
    {"caption",   "sc:Text" },
    {"genre",     "sc:Text" },
    {"tempo",     "sc:Text" },
    {"bpm",       "sc:Float"},
    {"relevance", "sc:Text" },
    {"source",    "sc:Text" },
    {"start_s",   "sc:Float"},
    {"end_s",     "sc:Float"},
    {"imsm",      "sc:Float"},
    {NULL,        NULL      },
};
static const Field json_fields[] = {
    {"id",         "sc:Text" },
    {"audio_path", "sc:Text" },
    {"image_path", "sc:Text" },
    {"caption",    "sc:Text" },
    {"genre",      "sc:Text" },
    {"start_s",    "sc:Float"},
    {"end_s",      "sc:Float"},
    {NULL,         NULL      },
};
static const Field musiccaps_fields[] = {
    {"ytid",                     "sc:Text" },
    {"start_s",                  "sc:Float"},
    {"end_s",                    "sc:Float"},
    {"audioset_positive_labels", "sc:Text" },
    {"aspect_list",              "sc:Text" },
    {"caption",                  "sc:Text" },
    {NULL,                       NULL      },
};
static const Field melfusion_fields[] = {
    {"dataset",  "sc:Text"},
    {"location", "sc:Text"},
    {"captions", "sc:Text"},
    {"img_path", "sc:Text"},
    {NULL,       NULL     },
};

/* Tars hold files, not columns: they get no record set. */
static const Field *fields_of(ExportFormat format)
{
    switch (format) {
    case EXPORT_PARQUET:
    case EXPORT_CSV:
        return common_fields;
    case EXPORT_JSONL:
        return json_fields;
    case EXPORT_MUSICCAPS:
        return musiccaps_fields;
    case EXPORT_MELFUSION:
        return melfusion_fields;
    default:
        return NULL;
    }
}

static json_t *field_json(const char *set, const char *file, const Field *field)
{
    char *id = mel_asprintf("%s/%s", set, field->name);
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:{s:{s:s}, s:{s:s}}}", "@type", "cr:Field",
                               "@id", id, "name", field->name, "dataType", field->type, "source",
                               "fileObject", "@id", file, "extract", "column", field->name);
    free(id);
    return object;
}

/* One record set a data file. */
static json_t *record_sets(const ExportRun *run, const ExportFile *files, size_t count)
{
    const Field *fields = fields_of(run->options->format);
    json_t *list = json_array();
    for (size_t i = 0; fields && i < count; i++) {
        if (side_of(run, files[i].name) < 0) continue;
        char *set = mel_asprintf("rows-of-%s", mel_path_base(files[i].name));
        json_t *of = json_array();
        for (const Field *field = fields; field->name; field++)
            json_array_append_new(of, field_json(set, files[i].name, field));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "@type", "cr:RecordSet",
                                              "@id", set, "name", set, "field", of));
        free(set);
    }
    return list;
}

bool mel_export_croissant(ExportRun *run, const ExportFile *files, size_t count, Err *err)
{
    const ExportOptions *o = run->options;
    json_t *object = json_object();
    json_object_set_new(object, "@context", context());
    mel_json_set_text(object, "@type", "sc:Dataset");
    mel_json_set_text(object, "name", o->title && *o->title ? o->title : run->split.name);
    mel_json_set_text(object, "description",
                      o->purpose && *o->purpose
                          ? o->purpose
                          : "Triplets of music, picture and text; see README.md.");
    mel_json_set_text(object, "conformsTo", "http://mlcommons.org/croissant/1.0");
    if (o->license && *o->license) mel_json_set_text(object, "license", o->license);
    if (o->maintainer && *o->maintainer)
        json_object_set_new(
            object, "creator",
            json_pack("{s:s, s:s}", "@type", "sc:Organization", "name", o->maintainer));
    json_object_set_new(object, "distribution", distribution(run, files, count));
    json_object_set_new(object, "recordSet", record_sets(run, files, count));
    bool ok = mel_export_write_json(mel_export_path(run, "dataset.croissant.json"), object, err);
    json_decref(object);
    return ok;
}
