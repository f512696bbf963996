/* SPDX-License-Identifier: Apache-2.0
 *
 * The blocks and threads of emulated.h. A coroutine runs one thread of a block after another until
 * one has to wait; then it keeps that thread, and another coroutine takes up the next. So a kernel
 * without barriers changes nothing but an index. */
#include "engine/cuda/kernel.h"

#include <csetjmp>
#include <ucontext.h>

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace
{
constexpr int THREADS_MAX = 1024, WARPS_MAX = THREADS_MAX / WARP;
constexpr size_t STACK_BYTES = 128 << 10, SHARED_MAX = 228 << 10;

enum class State { fresh, running, at_block, at_warp, done };

/* A context to begin with; from then on jumps, which unlike contexts make no system calls. */
struct Coroutine {
    ucontext_t context;
    jmp_buf place;
    bool begun;
    char *stack;
};

const char *kernel_name;
const std::function<void()> *kernel_body;
jmp_buf scheduler;
Coroutine coroutines[THREADS_MAX];
int coroutine_count, current; /* current: the thread that runs */
int coroutine_of[THREADS_MAX];
State states[THREADS_MAX];
int thread_count, next_fresh;
bool reversed;
alignas(16) unsigned char shared_memory[SHARED_MAX];

/* What the lanes of a warp give each other. There are two of each, used in turn, so that one wait
 * is enough: who gives for the next time has not yet overwritten what others still read. */
struct Operands {
    uint32_t a[4], b[2];
};
struct Given {
    uint64_t bits[WARP];
    Operands operands[WARP];
    const uint16_t *rows[WARP];
} given[2][WARPS_MAX];
int turns[THREADS_MAX];

[[noreturn]] void refuse(const char *what)
{
    fprintf(stderr, "kernel %s: %s (block %u %u %u)\n", kernel_name, what, blockIdx.x, blockIdx.y,
            blockIdx.z);
    abort();
}

void become(int thread)
{
    current = thread;
    threadIdx.x = (unsigned)thread % blockDim.x;
    threadIdx.y = (unsigned)thread / blockDim.x % blockDim.y;
    threadIdx.z = (unsigned)thread / (blockDim.x * blockDim.y);
}

/* Each comes back when the other side changes over. */
void enter(Coroutine *c)
{
    if (_setjmp(scheduler)) return;
    if (c->begun) _longjmp(c->place, 1);
    c->begun = true;
    setcontext(&c->context);
}

void leave(Coroutine *c)
{
    if (!_setjmp(c->place)) _longjmp(scheduler, 1);
}

/* Where a coroutine lives: it takes up fresh threads for as long as there are any. */
void coroutine_main(int index)
{
    for (;;) {
        while (next_fresh < thread_count) {
            const int thread = reversed ? thread_count - 1 - next_fresh : next_fresh;
            next_fresh++;
            coroutine_of[thread] = index;
            states[thread] = State::running;
            become(thread);
            (*kernel_body)();
            states[current] = State::done;
            coroutine_of[current] = -1;
        }
        leave(&coroutines[index]);
    }
}

bool is_idle(int index)
{
    for (int i = 0; i < thread_count; i++)
        if (coroutine_of[i] == index) return false;
    return true;
}

void make_coroutine(void)
{
    Coroutine *c = &coroutines[coroutine_count];
    c->stack = (char *)malloc(STACK_BYTES);
    if (!c->stack) refuse("no memory for its threads");
    getcontext(&c->context);
    c->context.uc_stack.ss_sp = c->stack;
    c->context.uc_stack.ss_size = STACK_BYTES;
    c->context.uc_link = NULL;
    makecontext(&c->context, (void (*)())coroutine_main, 1, coroutine_count);
    coroutine_count++;
}

/* Every fresh thread until it waits or is done. */
void start_fresh(void)
{
    for (int index = 0; next_fresh < thread_count; index++) {
        if (index == coroutine_count) make_coroutine();
        if (is_idle(index)) enter(&coroutines[index]);
    }
}

void resume(int thread)
{
    states[thread] = State::running;
    become(thread);
    enter(&coroutines[coroutine_of[thread]]);
}

int count_in(State state, int first, int end)
{
    int count = 0;
    for (int i = first; i < end; i++)
        count += states[i] == state;
    return count;
}

bool resume_all(State waiting, int first, int end)
{
    bool chosen[THREADS_MAX] = {};
    for (int i = first; i < end; i++)
        chosen[i] = states[i] == waiting;
    for (int k = first; k < end; k++) {
        const int i = reversed ? first + end - 1 - k : k;
        if (chosen[i]) resume(i);
    }
    return true;
}

/* Lets those go on for whom all have come. */
bool release(void)
{
    bool moved = false;
    for (int first = 0; first < thread_count; first += WARP) {
        const int end = first + WARP < thread_count ? first + WARP : thread_count;
        const int waiting = count_in(State::at_warp, first, end);
        if (waiting && waiting == end - first) moved = resume_all(State::at_warp, first, end);
    }
    if (moved) return true;
    const int waiting = count_in(State::at_block, 0, thread_count);
    return waiting && waiting == thread_count && resume_all(State::at_block, 0, thread_count);
}

void run_block(size_t shared_bytes)
{
    memset(shared_memory, 0xff, shared_bytes);
    next_fresh = 0;
    for (int i = 0; i < thread_count; i++) {
        states[i] = State::fresh;
        coroutine_of[i] = -1;
        turns[i] = 0;
    }
    start_fresh();
    while (count_in(State::done, 0, thread_count) < thread_count)
        if (!release()) refuse("threads wait for others that have ended or wait elsewhere");
}

void wait_in(State state)
{
    const int thread = current;
    states[thread] = state;
    leave(&coroutines[coroutine_of[thread]]);
    become(thread);
}

int warp_of(int thread)
{
    return thread / WARP;
}

/* Where this thread's warp gives, this time. */
Given *give(const char *refusal)
{
    const int warp = warp_of(current);
    if (thread_count - warp * WARP < WARP) refuse(refusal);
    return &given[turns[current]++ % 2][warp];
}
} // namespace

void emulated_reverse(bool on)
{
    reversed = on;
}

void *emulated_shared(void)
{
    return shared_memory;
}

void emulated_launch(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes,
                     const std::function<void()> &body)
{
    kernel_name = kernel;
    kernel_body = &body;
    gridDim = grid;
    blockDim = block;
    thread_count = (int)(block.x * block.y * block.z);
    if (thread_count < 1 || thread_count > THREADS_MAX) refuse("a block of 1 to 1,024 threads");
    if (shared_bytes > SHARED_MAX) refuse("more shared memory than a multiprocessor has");
    if (grid.y > 65535 || grid.z > 65535) refuse("a grid of more than 65,535 along y or z");
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++) {
                blockIdx = dim3(x, y, z);
                run_block(shared_bytes);
            }
}

void __syncthreads(void)
{
    wait_in(State::at_block);
}

void __syncwarp(unsigned)
{
    wait_in(State::at_warp);
}

int emulated_lane(void)
{
    return current % WARP;
}

uint64_t emulated_exchange(uint64_t mine, int from)
{
    Given *warp = give("a shuffle in a warp that is not whole");
    warp->bits[current % WARP] = mine;
    wait_in(State::at_warp);
    return warp->bits[from];
}

unsigned __ballot_sync(unsigned mask, int answer)
{
    if (mask != ALL_LANES) refuse("a ballot of a part of a warp");
    Given *warp = give("a ballot in a warp that is not whole");
    unsigned answers = 0;
    warp->bits[current % WARP] = answer != 0;
    wait_in(State::at_warp);
    for (int lane = 0; lane < WARP; lane++)
        answers |= (unsigned)warp->bits[lane] << lane;
    return answers;
}

/* ---- the matrix instructions ---------------------------------------------------------------- */

/* Element [row, column] of a, [row, column] of b, out of the lanes' registers. */
static float a_at(const Operands *lanes, int row, int column)
{
    const Operands *lane = &lanes[row % 8 * 4 + column % 8 / 2];
    const uint32_t pair = lane->a[row / 8 + column / 8 * 2];
    return mel_bf16_to_f32((uint16_t)(column % 2 ? pair >> 16 : pair & 0xffff));
}

static float b_at(const Operands *lanes, int row, int column)
{
    const Operands *lane = &lanes[column * 4 + row % 8 / 2];
    const uint32_t pair = lane->b[row / 8];
    return mel_bf16_to_f32((uint16_t)(row % 2 ? pair >> 16 : pair & 0xffff));
}

void mma_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2])
{
    Given *warp = give("a matrix instruction in a part of a warp");
    const int lane = current % WARP;
    memcpy(warp->operands[lane].a, a, sizeof a);
    memcpy(warp->operands[lane].b, b, sizeof b);
    wait_in(State::at_warp);
    for (int i = 0; i < 4; i++) {
        const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        float sum = 0;
        for (int k = 0; k < 16; k++)
            sum += a_at(warp->operands, row, k) * b_at(warp->operands, k, column);
        c[i] += sum;
    }
}

/* The rows' places, of all lanes. */
static const uint16_t *const *give_row(const void *row)
{
    Given *warp = give("a matrix load in a part of a warp");
    if ((uintptr_t)row % 16) refuse("a row of a matrix that is not aligned to 16 bytes");
    warp->rows[current % WARP] = (const uint16_t *)row;
    wait_in(State::at_warp);
    return warp->rows;
}

void load_matrices(uint32_t (&to)[4], const void *row)
{
    const uint16_t *const *rows = give_row(row);
    const int g = current % WARP / 4, t = current % 4;
    for (int i = 0; i < 4; i++) {
        const uint16_t *from = rows[8 * i + g] + 2 * t;
        to[i] = (uint32_t)from[0] | (uint32_t)from[1] << 16;
    }
}

void load_transposed(uint32_t (&to)[4], const void *row)
{
    const uint16_t *const *rows = give_row(row);
    const int g = current % WARP / 4, t = current % 4;
    for (int i = 0; i < 4; i++) {
        const uint16_t *const *two = rows + 8 * i + 2 * t;
        to[i] = (uint32_t)two[0][g] | (uint32_t)two[1][g] << 16;
    }
}
