/* SPDX-License-Identifier: Apache-2.0
 *
 * The opcodes. On the list are those that Python's picklers emit at protocols 2 to 5; the text
 * opcodes of protocol 0, extension codes, class instances of old style and buffers outside of the
 * pickle are not. */
#include "engine/checkpoint/pickle_internal.h"

#include "engine/checkpoint/checkpoint_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES_MAX = 256, PROTOCOL_MIN = 2, PROTOCOL_MAX = 5 };

enum {
    OP_MARK = '(',
    OP_EMPTY_TUPLE = ')',
    OP_STOP = '.',
    OP_POP = '0',
    OP_POP_MARK = '1',
    OP_BINBYTES = 'B',
    OP_SHORT_BINBYTES = 'C',
    OP_BINFLOAT = 'G',
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_BININT2 = 'M',
    OP_NONE = 'N',
    OP_BINPERSID = 'Q',
    OP_REDUCE = 'R',
    OP_BINSTRING = 'T',
    OP_SHORT_BINSTRING = 'U',
    OP_BINUNICODE = 'X',
    OP_EMPTY_LIST = ']',
    OP_APPEND = 'a',
    OP_BUILD = 'b',
    OP_GLOBAL = 'c',
    OP_APPENDS = 'e',
    OP_BINGET = 'h',
    OP_LONG_BINGET = 'j',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_SETITEM = 's',
    OP_TUPLE = 't',
    OP_SETITEMS = 'u',
    OP_EMPTY_DICT = '}',
    OP_PROTO = 0x80,
    OP_NEWOBJ = 0x81,
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_LONG1 = 0x8a,
    OP_LONG4 = 0x8b,
    OP_SHORT_BINUNICODE = 0x8c,
    OP_BINUNICODE8 = 0x8d,
    OP_BINBYTES8 = 0x8e,
    OP_EMPTY_SET = 0x8f,
    OP_ADDITEMS = 0x90,
    OP_FROZENSET = 0x91,
    OP_NEWOBJ_EX = 0x92,
    OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94,
    OP_FRAME = 0x95,
    OP_BYTEARRAY8 = 0x96,
};

bool mel_pickle_bad(Pickle *pickle, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return mel_err(pickle->err, ERR_FORMAT, "pickle, byte %lld: %s",
                   (long long)(pickle->base + (int64_t)pickle->op_at), text);
}

static bool too_many(Pickle *pickle, const char *what, long long limit)
{
    return mel_err(pickle->err, ERR_LIMIT, "pickle, byte %lld: more than %lld %s",
                   (long long)(pickle->base + (int64_t)pickle->op_at), limit, what);
}

bool mel_pickle_count(Pickle *pickle, size_t count)
{
    if (count > (size_t)(PICKLE_OBJECTS_MAX - pickle->objects))
        return too_many(pickle, "objects", PICKLE_OBJECTS_MAX);
    pickle->objects += (int64_t)count;
    return true;
}

PickleValue *mel_pickle_value(Pickle *pickle, PickleKind kind)
{
    if (!mel_pickle_count(pickle, 1)) return NULL;
    PickleValue *value = mel_arena_alloc(pickle->arena, sizeof *value);
    value->kind = kind;
    return value;
}

/* The old places of a growing list stay in the arena: together less than the new ones. */
bool mel_pickle_append(Pickle *pickle, PickleValue *list, PickleValue *const *items, size_t count)
{
    if (!mel_pickle_count(pickle, count)) return false;
    size_t needed = list->list.count + count;
    if (needed > list->list.capacity) {
        size_t capacity = list->list.capacity * 2 > needed ? list->list.capacity * 2 : needed;
        PickleValue **grown = mel_arena_alloc(pickle->arena, capacity * sizeof *grown);
        if (list->list.count)
            memcpy(grown, list->list.items, list->list.count * sizeof(PickleValue *));
        list->list.items = grown;
        list->list.capacity = capacity;
    }
    if (count) memcpy(list->list.items + list->list.count, items, count * sizeof(PickleValue *));
    list->list.count = needed;
    return true;
}

bool mel_pickle_is_text(const PickleValue *value, const char *text)
{
    return value->kind == PICKLE_TEXT && value->text.n == strlen(text) &&
           memcmp(value->text.bytes, text, value->text.n) == 0;
}

PickleValue *mel_pickle_get(const PickleValue *dict, const char *key)
{
    for (size_t i = 0; dict->kind == PICKLE_DICT && i + 1 < dict->list.count; i += 2)
        if (mel_pickle_is_text(dict->list.items[i], key)) return dict->list.items[i + 1];
    return NULL;
}

/* NULL and an error when fewer are left. */
static const uint8_t *take(Pickle *pickle, uint64_t n)
{
    if (n > pickle->n - pickle->at) {
        if (pickle->n == PICKLE_BYTES_MAX) {
            too_many(pickle, "bytes", PICKLE_BYTES_MAX);
            return NULL;
        }
        mel_pickle_bad(pickle, "opcode 0x%02x wants %llu bytes, %zu are left",
                       pickle->bytes[pickle->op_at], (unsigned long long)n, pickle->n - pickle->at);
        return NULL;
    }
    const uint8_t *bytes = pickle->bytes + pickle->at;
    pickle->at += (size_t)n;
    return bytes;
}

/* An unsigned number of 1, 2, 4 or 8 bytes. */
static bool take_number(Pickle *pickle, int bytes, uint64_t *out)
{
    const uint8_t *p = take(pickle, (uint64_t)bytes);
    if (!p) return false;
    *out = 0;
    for (int i = bytes - 1; i >= 0; i--)
        *out = *out << 8 | p[i];
    return true;
}

static bool push(Pickle *pickle, PickleValue *value)
{
    if (!value) return false;
    if (pickle->depth >= PICKLE_STACK_MAX)
        return too_many(pickle, "values on the stack", PICKLE_STACK_MAX);
    mel_grow(&pickle->stack, &pickle->stack_capacity, pickle->depth + 1, sizeof *pickle->stack);
    pickle->stack[pickle->depth++] = value;
    return true;
}

static bool push_integer(Pickle *pickle, PickleKind kind, int64_t integer)
{
    PickleValue *value = mel_pickle_value(pickle, kind);
    if (value) value->integer = integer;
    return push(pickle, value);
}

static bool push_foreign(Pickle *pickle, const char *name)
{
    PickleValue *value = mel_pickle_value(pickle, PICKLE_FOREIGN);
    if (!value) return false;
    value->text.bytes = name;
    value->text.n = strlen(name);
    return push(pickle, value);
}

/* There are `count` values above the last mark (or the bottom). */
static bool has(Pickle *pickle, size_t count)
{
    size_t floor = pickle->mark_count ? pickle->marks[pickle->mark_count - 1] : 0;
    if (pickle->depth - floor >= count) return true;
    return mel_pickle_bad(pickle, "opcode 0x%02x finds too few values on the stack",
                          pickle->bytes[pickle->op_at]);
}

static PickleValue *pop(Pickle *pickle)
{
    return has(pickle, 1) ? pickle->stack[--pickle->depth] : NULL;
}

/* The values above the last mark, which is taken away with them; they stay readable until the next
 * push. */
static bool pop_mark(Pickle *pickle, PickleValue ***items, size_t *count)
{
    if (pickle->mark_count == 0)
        return mel_pickle_bad(pickle, "opcode 0x%02x without a mark", pickle->bytes[pickle->op_at]);
    size_t floor = pickle->marks[--pickle->mark_count];
    *count = pickle->depth - floor;
    *items = *count ? pickle->stack + floor : NULL;
    pickle->depth = floor;
    return true;
}

static bool do_mark(Pickle *pickle)
{
    if (pickle->mark_count >= PICKLE_MARKS_MAX)
        return too_many(pickle, "open marks", PICKLE_MARKS_MAX);
    pickle->marks[pickle->mark_count++] = pickle->depth;
    return true;
}

static bool push_tuple(Pickle *pickle, PickleValue *const *items, size_t count)
{
    PickleValue *tuple = mel_pickle_value(pickle, PICKLE_TUPLE);
    return tuple && mel_pickle_append(pickle, tuple, items, count) && push(pickle, tuple);
}

static bool do_short_tuple(Pickle *pickle, size_t count)
{
    if (!has(pickle, count)) return false;
    pickle->depth -= count;
    return push_tuple(pickle, count ? pickle->stack + pickle->depth : NULL, count);
}

static bool do_mark_tuple(Pickle *pickle)
{
    PickleValue **items = NULL;
    size_t count = 0;
    return pop_mark(pickle, &items, &count) && push_tuple(pickle, items, count);
}

/* Fills the list or dictionary on the stack; foreign objects take anything and keep nothing. */
static bool fill(Pickle *pickle, PickleKind kind, PickleValue *const *items, size_t count)
{
    if (!has(pickle, 1)) return false;
    PickleValue *target = pickle->stack[pickle->depth - 1];
    if (target->kind == PICKLE_FOREIGN) return true;
    if (target->kind != kind)
        return mel_pickle_bad(pickle, "items for what is not a %s",
                              kind == PICKLE_LIST ? "list" : "dictionary");
    if (kind == PICKLE_DICT && count % 2) return mel_pickle_bad(pickle, "a key without a value");
    return mel_pickle_append(pickle, target, items, count);
}

static bool do_fill_one(Pickle *pickle, PickleKind kind, size_t count)
{
    if (!has(pickle, count)) return false;
    pickle->depth -= count;
    return fill(pickle, kind, pickle->stack + pickle->depth, count);
}

static bool do_fill(Pickle *pickle, PickleKind kind)
{
    PickleValue **items = NULL;
    size_t count = 0;
    return pop_mark(pickle, &items, &count) && fill(pickle, kind, items, count);
}

/* ADDITEMS: sets are foreign, what goes into them is not kept. */
static bool do_add_items(Pickle *pickle)
{
    PickleValue **items = NULL;
    size_t count = 0;
    if (!pop_mark(pickle, &items, &count) || !has(pickle, 1)) return false;
    if (pickle->stack[pickle->depth - 1]->kind == PICKLE_FOREIGN) return true;
    return mel_pickle_bad(pickle, "items for what is not a set");
}

static bool do_frozenset(Pickle *pickle)
{
    PickleValue **items = NULL;
    size_t count = 0;
    return pop_mark(pickle, &items, &count) && push_foreign(pickle, "frozenset");
}

static bool do_pop_mark(Pickle *pickle)
{
    PickleValue **items = NULL;
    size_t count = 0;
    return pop_mark(pickle, &items, &count);
}

/* POP takes the mark away when nothing is above it. */
static bool do_pop(Pickle *pickle)
{
    if (pickle->mark_count && pickle->marks[pickle->mark_count - 1] == pickle->depth) {
        pickle->mark_count--;
        return true;
    }
    return pop(pickle) != NULL;
}

static bool do_text(Pickle *pickle, PickleKind kind, int length_bytes)
{
    uint64_t n;
    const uint8_t *bytes;
    if (!take_number(pickle, length_bytes, &n) || !(bytes = take(pickle, n))) return false;
    PickleValue *value = mel_pickle_value(pickle, kind);
    if (!value) return false;
    value->text.bytes = (const char *)bytes;
    value->text.n = (size_t)n;
    return push(pickle, value);
}

static bool do_bytes(Pickle *pickle, int length_bytes)
{
    uint64_t n;
    return take_number(pickle, length_bytes, &n) && take(pickle, n) &&
           push_foreign(pickle, "bytes");
}

/* Two's complement of any length; what fits becomes a plain integer. */
static bool do_long(Pickle *pickle, int length_bytes)
{
    uint64_t n, value = 0;
    const uint8_t *bytes;
    if (!take_number(pickle, length_bytes, &n) || !(bytes = take(pickle, n))) return false;
    if (n <= 8) {
        for (uint64_t i = 8; i-- > 0;)
            value = value << 8 | (i < n ? bytes[i] : n && bytes[n - 1] & 0x80 ? 0xff : 0);
        return push_integer(pickle, PICKLE_INT, (int64_t)value);
    }
    PickleValue *big = mel_pickle_value(pickle, PICKLE_LONG);
    if (!big) return false;
    big->text.bytes = (const char *)bytes;
    big->text.n = (size_t)n;
    return push(pickle, big);
}

static bool do_int(Pickle *pickle, int bytes)
{
    uint64_t value;
    if (!take_number(pickle, bytes, &value)) return false;
    return push_integer(pickle, PICKLE_INT, bytes == 4 ? (int32_t)value : (int64_t)value);
}

/* Text up to the next line end. */
static bool take_line(Pickle *pickle, const char **line, size_t *n)
{
    const uint8_t *start = pickle->bytes + pickle->at;
    size_t left = pickle->n - pickle->at;
    const uint8_t *end = memchr(start, '\n', left < NAME_BYTES_MAX ? left : NAME_BYTES_MAX);
    if (!end) return mel_pickle_bad(pickle, "a name without an end");
    *line = (const char *)start;
    *n = (size_t)(end - start);
    pickle->at += *n + 1;
    return true;
}

static bool do_global(Pickle *pickle)
{
    const char *module = NULL, *name = NULL;
    size_t module_n = 0, name_n = 0;
    return take_line(pickle, &module, &module_n) && take_line(pickle, &name, &name_n) &&
           push(pickle, mel_pickle_name(pickle, module, module_n, name, name_n));
}

static bool do_stack_global(Pickle *pickle)
{
    const PickleValue *name = pop(pickle), *module = name ? pop(pickle) : NULL;
    if (!module) return false;
    if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT ||
        module->text.n > NAME_BYTES_MAX || name->text.n > NAME_BYTES_MAX)
        return mel_pickle_bad(pickle, "a name that is not two short texts");
    return push(pickle, mel_pickle_name(pickle, module->text.bytes, module->text.n,
                                        name->text.bytes, name->text.n));
}

static bool do_reduce(Pickle *pickle)
{
    const PickleValue *args = pop(pickle), *callable = args ? pop(pickle) : NULL;
    return callable && push(pickle, mel_pickle_reduce(pickle, callable, args));
}

/* NEWOBJ and NEWOBJ_EX make objects of classes; none of the classes on the list is made so. */
static bool do_new_object(Pickle *pickle, size_t arguments)
{
    if (!has(pickle, arguments + 1)) return false;
    pickle->depth -= arguments;
    const PickleValue *class = pop(pickle);
    if (class->kind != PICKLE_FOREIGN)
        return mel_pickle_bad(pickle, "an object of what is not a foreign class");
    PickleValue *value = mel_pickle_value(pickle, PICKLE_FOREIGN);
    if (!value) return false;
    value->text = class->text;
    return push(pickle, value);
}

/* State of an object. An OrderedDict's is its attributes (torch notes module versions there),
 * a foreign object's is not kept. */
static bool do_build(Pickle *pickle)
{
    if (!has(pickle, 2)) return false;
    PickleKind kind = pickle->stack[--pickle->depth - 1]->kind;
    if (kind == PICKLE_FOREIGN || kind == PICKLE_DICT) return true;
    return mel_pickle_bad(pickle, "state for what is neither a dictionary nor foreign");
}

static bool put(Pickle *pickle, uint64_t index)
{
    if (!has(pickle, 1)) return false;
    if (index >= PICKLE_MEMO_MAX) return too_many(pickle, "memo entries", PICKLE_MEMO_MAX);
    mel_grow(&pickle->memo, &pickle->memo_capacity, (size_t)index + 1, sizeof *pickle->memo);
    while (pickle->memo_count <= index)
        pickle->memo[pickle->memo_count++] = NULL;
    pickle->memo[index] = pickle->stack[pickle->depth - 1];
    return true;
}

static bool do_put(Pickle *pickle, int bytes)
{
    uint64_t index;
    return take_number(pickle, bytes, &index) && put(pickle, index);
}

static bool do_get(Pickle *pickle, int bytes)
{
    uint64_t index;
    if (!take_number(pickle, bytes, &index)) return false;
    if (index >= pickle->memo_count || !pickle->memo[index])
        return mel_pickle_bad(pickle, "memo entry %llu is not there", (unsigned long long)index);
    return push(pickle, pickle->memo[index]);
}

static bool do_persistent(Pickle *pickle)
{
    const PickleValue *id = pop(pickle);
    return id && push(pickle, mel_pickle_persistent(pickle, id));
}

/* A frame is a hint for reading ahead; it has to be within the pickle. */
static bool do_frame(Pickle *pickle)
{
    uint64_t n;
    if (!take_number(pickle, 8, &n)) return false;
    if (n <= pickle->n - pickle->at) return true;
    return mel_pickle_bad(pickle, "a frame of %llu bytes, %zu are left", (unsigned long long)n,
                          pickle->n - pickle->at);
}

static bool not_on_the_list(Pickle *pickle, uint8_t op)
{
    mel_pickle_bad(pickle, "opcode 0x%02x is not one that a checkpoint needs", op);
    return mel_err_hint(pickle->err, "in Python: torch.load the file, then save its state_dict "
                                     "with safetensors.torch.save_file");
}

static bool step_plain(Pickle *pickle, uint8_t op)
{
    switch (op) {
    case OP_NONE:
        return push(pickle, mel_pickle_value(pickle, PICKLE_NONE));
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        return push_integer(pickle, PICKLE_BOOL, op == OP_NEWTRUE);
    case OP_BININT:
        return do_int(pickle, 4);
    case OP_BININT1:
        return do_int(pickle, 1);
    case OP_BININT2:
        return do_int(pickle, 2);
    case OP_LONG1:
        return do_long(pickle, 1);
    case OP_LONG4:
        return do_long(pickle, 4);
    case OP_BINFLOAT:
        return take(pickle, 8) && push_foreign(pickle, "float");
    case OP_SHORT_BINSTRING:
    case OP_SHORT_BINUNICODE:
        return do_text(pickle, PICKLE_TEXT, 1);
    case OP_BINSTRING:
    case OP_BINUNICODE:
        return do_text(pickle, PICKLE_TEXT, 4);
    case OP_BINUNICODE8:
        return do_text(pickle, PICKLE_TEXT, 8);
    case OP_SHORT_BINBYTES:
        return do_bytes(pickle, 1);
    case OP_BINBYTES:
        return do_bytes(pickle, 4);
    case OP_BINBYTES8:
    case OP_BYTEARRAY8:
        return do_bytes(pickle, 8);
    case OP_EMPTY_LIST:
        return push(pickle, mel_pickle_value(pickle, PICKLE_LIST));
    case OP_EMPTY_DICT:
        return push(pickle, mel_pickle_value(pickle, PICKLE_DICT));
    case OP_EMPTY_SET:
        return push_foreign(pickle, "set");
    default:
        return not_on_the_list(pickle, op);
    }
}

static bool step(Pickle *pickle, uint8_t op)
{
    switch (op) {
    case OP_MARK:
        return do_mark(pickle);
    case OP_POP:
        return do_pop(pickle);
    case OP_POP_MARK:
        return do_pop_mark(pickle);
    case OP_EMPTY_TUPLE:
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        return do_short_tuple(pickle, op == OP_EMPTY_TUPLE ? 0 : (size_t)(op - OP_TUPLE1 + 1));
    case OP_TUPLE:
        return do_mark_tuple(pickle);
    case OP_APPEND:
        return do_fill_one(pickle, PICKLE_LIST, 1);
    case OP_APPENDS:
        return do_fill(pickle, PICKLE_LIST);
    case OP_SETITEM:
        return do_fill_one(pickle, PICKLE_DICT, 2);
    case OP_SETITEMS:
        return do_fill(pickle, PICKLE_DICT);
    case OP_ADDITEMS:
        return do_add_items(pickle);
    case OP_FROZENSET:
        return do_frozenset(pickle);
    case OP_GLOBAL:
        return do_global(pickle);
    case OP_STACK_GLOBAL:
        return do_stack_global(pickle);
    case OP_REDUCE:
        return do_reduce(pickle);
    case OP_NEWOBJ:
        return do_new_object(pickle, 1);
    case OP_NEWOBJ_EX:
        return do_new_object(pickle, 2);
    case OP_BUILD:
        return do_build(pickle);
    case OP_BINPERSID:
        return do_persistent(pickle);
    case OP_BINPUT:
        return do_put(pickle, 1);
    case OP_LONG_BINPUT:
        return do_put(pickle, 4);
    case OP_MEMOIZE:
        return put(pickle, pickle->memo_count);
    case OP_BINGET:
        return do_get(pickle, 1);
    case OP_LONG_BINGET:
        return do_get(pickle, 4);
    case OP_FRAME:
        return do_frame(pickle);
    default:
        return step_plain(pickle, op);
    }
}

static bool run(Pickle *pickle)
{
    const uint8_t *start = take(pickle, 2);
    if (!start) return false;
    if (start[0] != OP_PROTO || start[1] < PROTOCOL_MIN || start[1] > PROTOCOL_MAX)
        return mel_pickle_bad(pickle, "it does not start with a protocol from %d to %d",
                              PROTOCOL_MIN, PROTOCOL_MAX);
    for (;;) {
        pickle->op_at = pickle->at;
        if (pickle->at >= pickle->n) {
            if (pickle->n == PICKLE_BYTES_MAX) return too_many(pickle, "bytes", PICKLE_BYTES_MAX);
            return mel_pickle_bad(pickle, "the pickle ends without its end mark");
        }
        uint8_t op = pickle->bytes[pickle->at++];
        if (op == OP_STOP) break;
        if (!step(pickle, op)) return false;
    }
    if (pickle->depth == 1 && pickle->mark_count == 0) return true;
    return mel_pickle_bad(pickle, "%zu values and %zu marks are left at the end", pickle->depth,
                          pickle->mark_count);
}

bool mel_pickle_read(Arena *arena, const uint8_t *bytes, size_t n, int64_t at, PickleResult *out,
                     Err *err)
{
    Pickle pickle = {.arena = arena, .bytes = bytes, .base = at, .err = err};
    if (n == 0) return mel_pickle_bad(&pickle, "there is nothing");
    pickle.n = n < PICKLE_BYTES_MAX ? n : PICKLE_BYTES_MAX;
    bool ok = run(&pickle);
    if (ok) {
        size_t size = pickle.storage_count * sizeof *pickle.storages;
        *out = (PickleResult){.root = pickle.stack[0], .used = pickle.at};
        out->storages = mel_arena_alloc(arena, size);
        out->storage_count = pickle.storage_count;
        if (size) memcpy(out->storages, pickle.storages, size);
    }
    free(pickle.storages);
    free(pickle.stack);
    free(pickle.memo);
    return ok;
}
