/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime of the emulation: the device's memory is the host's, work is done when it is given.
 * A recording is the work itself, done again when it is replayed. */
#include "engine/cuda/runtime.h"
#include "engine/cuda/kernel.h"

#include <atomic>
#include <malloc.h>

extern "C" const char runtime_name[] = "emulated";

extern "C" bool runtime_start(int index, Err *err)
{
    constexpr int count = 8;
    return (index >= 0 && index < count) ||
           mel_err(err, ERR_DEVICE, "there is no GPU %d: there are %d, from 0", index, count);
}

extern "C" const char *runtime_text(void)
{
    return "the kernels on the CPU, for tests";
}

extern "C" Stream *runtime_stream(void)
{
    static char stream;
    return (Stream *)&stream;
}

static std::atomic<int64_t> used;

extern "C" int64_t runtime_memory_used(void)
{
    return used;
}

extern "C" void *cuda_alloc(int64_t bytes, Err *err)
{
    void *memory = NULL;
    const size_t size = (size_t)(bytes > 0 ? bytes : 1);
    if (posix_memalign(&memory, 256, size)) {
        mel_err(err, ERR_NOMEM, "no memory for %lld bytes", (long long)bytes);
        return NULL;
    }
    used += (int64_t)malloc_usable_size(memory);
    memset(memory, 0xff, size); /* NaN: what is read must have been written */
    return memory;
}

extern "C" void cuda_free(void *memory)
{
    used -= memory ? (int64_t)malloc_usable_size(memory) : 0;
    free(memory);
}

extern "C" bool runtime_copy_in(Stream *, void *to, DType kept, const Tensor *from, Err *)
{
    mel_convert(from->data, from->dtype, to, kept, mel_shape_count(&from->shape));
    return true;
}

extern "C" bool runtime_copy_out(Stream *, const Tensor *to, const void *from, DType kept, Err *)
{
    mel_convert(from, kept, to->data, to->dtype, mel_shape_count(&to->shape));
    return true;
}

extern "C" bool runtime_copy(Stream *, void *to, const void *from, int64_t bytes, Err *)
{
    memcpy(to, from, (size_t)bytes);
    return true;
}

extern "C" bool runtime_clear(Stream *, void *memory, int64_t bytes, Err *)
{
    memset(memory, 0, (size_t)bytes);
    return true;
}

extern "C" bool runtime_wait(Stream *, Err *)
{
    return true;
}

extern "C" bool cuda_started(Err *)
{
    return true;
}

struct Recording {
    bool (*work)(void *ctx, Err *err);
    void *ctx;
};

extern "C" bool runtime_record(Stream *, bool (*work)(void *ctx, Err *err), void *ctx,
                               void **recording, Err *)
{
    *recording = new Recording{work, ctx};
    return true;
}

extern "C" bool runtime_replay(Stream *, void *recording, Err *err)
{
    const Recording *recorded = (const Recording *)recording;
    return recorded->work(recorded->ctx, err);
}

extern "C" void runtime_forget(void *recording)
{
    delete (Recording *)recording;
}

/* Everything is done when it is given: an event is there to be told apart only. */
extern "C" bool runtime_event_new(void **event, Err *)
{
    *event = new bool(false);
    return true;
}

extern "C" bool runtime_event_put(Stream *, void *event, Err *)
{
    *(bool *)event = true;
    return true;
}

extern "C" bool runtime_event_wait(void *event, Err *err)
{
    return *(bool *)event || mel_err(err, ERR_DEVICE, "the event was never put into a stream");
}

extern "C" void runtime_event_free(void *event)
{
    delete (bool *)event;
}
