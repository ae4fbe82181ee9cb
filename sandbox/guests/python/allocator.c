// A small-object allocator for the interpreter, which its WebAssembly build comes without: there every object
// would be one call of the C library's general allocator, two fifths of the time of a program that computes.
//
// Blocks of up to 512 bytes lie in pools of 16 KiB, each for one size; a pool that is empty again serves any
// size. What is larger goes to the C library. Compiled without the interpreter's headers, of which this needs little
// that has not been the same for many versions.

#include <stddef.h>
#include <stdint.h>

typedef struct Object Object;
typedef struct {
    void *context;
    void *(*malloc)(void *, size_t);
    void *(*calloc)(void *, size_t, size_t);
    void *(*realloc)(void *, void *, size_t);
    void (*free)(void *, void *);
} Allocator;
typedef struct {
    const char *name;
    Object *(*call)(Object *, Object *);
    int flags;
    const char *doc;
} Method;
typedef struct {
    struct {
        ptrdiff_t references;
        void *type;
        void *init;
        ptrdiff_t index;
        void *copy;
    } base;
    const char *name, *doc;
    ptrdiff_t size;
    Method *methods;
    void *slots, *traverse, *clear, *free;
} Module;
enum { NO_ARGUMENTS = 4, API_VERSION = 1013, DOMAIN_MEMORY = 1, DOMAIN_OBJECT = 2 };

extern void PyMem_SetAllocator(int domain, Allocator *);
extern void *PyMem_RawMalloc(size_t);
extern void *PyMem_RawRealloc(void *, size_t);
extern void PyMem_RawFree(void *);
extern Object *PyModule_Create2(Module *, int);
extern Object *PyBool_FromLong(long);

enum { STEP = 8, SMALL_MAX = 512, CLASSES = SMALL_MAX / STEP, POOL = 1 << 14, ARENA_POOLS = 16 };

typedef struct Block {
    struct Block *next;
} Block;
typedef struct Pool {
    struct Pool *next, *previous;
    Block *free;          // null exactly while the pool is full and in no list
    uint32_t used;        // blocks given out
    uint32_t size;        // of a block
    uint32_t class;
    char *fresh, *end;    // what was never given out
} Pool;

static Pool *usable[CLASSES];   // pools with a free block
static Pool *empty;             // pools of any size
static uint8_t ours[1 << 18];   // by address / POOL: whether it is a pool

static Pool *pool_of(void *at) { return (Pool *)((uintptr_t)at & ~(uintptr_t)(POOL - 1)); }
static int is_ours(void *at) { return ours[(uintptr_t)at / POOL]; }

static int more_pools(void) {
    char *arena = PyMem_RawMalloc((ARENA_POOLS + 1) * POOL);
    if (!arena) return 0;
    char *first = (char *)pool_of(arena + POOL - 1);
    for (size_t i = ARENA_POOLS; i--;) {
        Pool *pool = (Pool *)(first + i * POOL);
        ours[(uintptr_t)pool / POOL] = 1;
        pool->next = empty;
        empty = pool;
    }
    return 1;
}

static void link_pool(Pool *pool) {
    Pool *head = usable[pool->class];
    pool->previous = NULL;
    pool->next = head;
    if (head) head->previous = pool;
    usable[pool->class] = pool;
}

static void unlink_pool(Pool *pool) {
    if (pool->next) pool->next->previous = pool->previous;
    if (pool->previous) pool->previous->next = pool->next;
    else usable[pool->class] = pool->next;
}

static Block *fresh_block(Pool *pool) {
    if (pool->fresh + pool->size > pool->end) return NULL;
    Block *block = (Block *)pool->fresh;
    pool->fresh += pool->size;
    block->next = NULL;
    return block;
}

__attribute__((noinline)) static void *first_of_pool(uint32_t class) {
    if (!empty && !more_pools()) return NULL;
    Pool *pool = empty;
    empty = pool->next;
    pool->class = class;
    pool->size = (class + 1) * STEP;
    pool->fresh = (char *)(pool + 1);
    pool->end = (char *)pool + POOL;
    pool->used = 1;
    Block *block = fresh_block(pool);
    pool->free = fresh_block(pool);
    link_pool(pool);
    return block;
}

__attribute__((noinline)) static void refill(Pool *pool) {
    pool->free = fresh_block(pool);
    if (!pool->free) unlink_pool(pool);
}

static void *take(void *context, size_t size) {
    (void)context;
    if (size > SMALL_MAX) return PyMem_RawMalloc(size);
    uint32_t class = size ? (size - 1) / STEP : 0;
    Pool *pool = usable[class];
    if (!pool) return first_of_pool(class);
    Block *block = pool->free;
    pool->used++;
    if (!(pool->free = block->next)) refill(pool);
    return block;
}

static void retire(Pool *pool) {
    unlink_pool(pool);
    pool->next = empty;
    empty = pool;
}

// A pool that was full has a free block, or one that is not the first of its size has nothing else: the first may stay
// empty until another takes its place, so that a block that comes and goes does not bring a pool with it each time.
__attribute__((noinline)) static void rarely(Pool *pool, Block *was_free) {
    Pool *head = usable[pool->class];
    if (was_free) {
        if (pool != head) retire(pool);
        return;
    }
    if (head && !head->used) retire(head);
    link_pool(pool);
}

static void give(void *context, void *at) {
    (void)context;
    if (!is_ours(at)) {
        PyMem_RawFree(at);
        return;
    }
    Pool *pool = pool_of(at);
    Block *block = at, *was_free = pool->free;
    block->next = was_free;
    pool->free = block;
    if (--pool->used == 0 || !was_free) rarely(pool, was_free);
}

static void *take_zeroed(void *context, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    void *at = take(context, bytes);
    if (at) __builtin_memset(at, 0, bytes);
    return at;
}

static void *resize(void *context, void *at, size_t size) {
    if (!at) return take(context, size);
    if (!is_ours(at)) return PyMem_RawRealloc(at, size);
    size_t old = pool_of(at)->size;
    // A block that shrinks a little stays where it is.
    if (size <= old && size > old / 4 * 3) return at;
    void *to = take(context, size);
    if (!to) return size <= old ? at : NULL;
    __builtin_memcpy(to, at, size < old ? size : old);
    give(context, at);
    return to;
}

// From here on blocks come from pools that hold nothing yet, so that what a program makes lies side by side: the
// host copies each page of the image that it writes to.
static Object *new_pools(Object *module, Object *none) {
    (void)module, (void)none;
    for (int class = 0; class < CLASSES; class++) {
        for (Pool *pool = usable[class]; pool;) {
            Pool *next = pool->next;
            if (pool->used) {
                // Taken for full until one of its blocks comes back, which writes to it anyway.
                pool->free = NULL;
                pool->fresh = pool->end;
            } else {
                pool->next = empty;
                empty = pool;
            }
            pool = next;
        }
        usable[class] = NULL;
    }
    return PyBool_FromLong(1);
}

static Method methods[] = {{"new_pools", new_pools, NO_ARGUMENTS, "Starts new pools for whatever comes."}, {0}};
static Module module = {.base = {.references = 1}, .name = "allocator", .size = -1, .methods = methods};

__attribute__((visibility("default"))) Object *PyInit_allocator(void) {
    static Allocator own = {NULL, take, take_zeroed, resize, give};
    PyMem_SetAllocator(DOMAIN_MEMORY, &own);
    PyMem_SetAllocator(DOMAIN_OBJECT, &own);
    return PyModule_Create2(&module, API_VERSION);
}
