/* Two GPUs as NVIDIA's management library tells of them; the second supports little.
   NVML_LOST: a GPU that fell off its bus. NVML_HANGS: a file to make, upon which nothing answers any more. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilization_t;
static int gpus[2] = {0, 1};
enum { SUCCESS = 0, NOT_SUPPORTED = 3, GPU_IS_LOST = 15 };
static int is_first(void *device) { return *(int *)device == 0; }

int nvmlInitWithFlags(unsigned int flags) {
    const char *mark = getenv("NVML_HANGS");
    if (mark) {
        close(open(mark, O_CREAT | O_WRONLY, 0600));
        for (;;) pause();
    }
    return SUCCESS;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    const char *lost = getenv("NVML_LOST");
    *device = &gpus[index];
    return lost && atoi(lost) == (int)index ? GPU_IS_LOST : SUCCESS;
}
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
    strncpy(uuid, is_first(device) ? "GPU-aaaa" : "GPU-bbbb", length);
    return SUCCESS;
}
int nvmlDeviceGetUtilizationRates(void *device, utilization_t *rates) {
    rates->gpu = is_first(device) ? 75 : 10;
    rates->memory = 20;
    return SUCCESS;
}
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
    memory->total = 80ull << 30;
    memory->used = 20ull << 30;
    memory->free = 60ull << 30;
    return SUCCESS;
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *celsius) { *celsius = 61; return SUCCESS; }
int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) {
    *milliwatts = 321500;
    return is_first(device) ? SUCCESS : NOT_SUPPORTED;
}
int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned int *milliwatts) { *milliwatts = 700000; return SUCCESS; }
int nvmlDeviceGetClockInfo(void *device, int kind, unsigned int *megahertz) {
    *megahertz = kind == 1 ? 1980 : 2619;
    return SUCCESS;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
    *reasons = is_first(device) ? 0x40 : 0x1;
    return SUCCESS;
}
int nvmlDeviceGetTotalEccErrors(void *device, int kind, int counter, unsigned long long *errors) {
    *errors = kind == 1 && counter == 0 ? 3 : 99;
    return SUCCESS;
}
