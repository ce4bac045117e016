/* A libcuda.so.1 and libnvidia-ml.so.1 that tell of one GPU, with the signatures of cuda.h and nvml.h: what is written
   against the real ones is called through a dynamic linker and lands on the arguments that it means. They compute nothing.
   HELD, a file named by the environment, has what NVML tells: pid of the process, its megabytes, megabytes of all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cuInit(unsigned flags) { return flags == 0 ? 0 : 1; }
int cuDriverGetVersion(int *version) { *version = 13020; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 40 + ordinal; return 0; }
int cuDeviceGetName(char *name, int length, int device) {
    snprintf(name, length, "Stand-in GPU %d", device);
    return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)24000 * 1000 * 1000; return device == 40 ? 0 : 101; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 9 : attribute == 76 ? 0 : -1;
    return device == 40 ? 0 : 101;
}
int cuDeviceGetUuid_v2(unsigned char *uuid, int device) {
    for (int i = 0; i < 16; i++) uuid[i] = (unsigned char)(17 * i);
    return device == 40 ? 0 : 101;
}

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu_instance, compute_instance; } process_t;

static void held(unsigned *pid, unsigned long long *own, unsigned long long *all) {
    FILE *file = fopen(getenv("HELD"), "r");
    *pid = 0; *own = *all = 0;
    if (file) { if (fscanf(file, "%u %llu %llu", pid, own, all) != 3) abort(); fclose(file); }
}
int nvmlInitWithFlags(unsigned flags) { return 0; }
int nvmlInit_v2(void) { return 0; }
const char *nvmlErrorString(int status) { return "an error of the stand-in"; }
int nvmlSystemGetDriverVersion(char *version, unsigned length) { snprintf(version, length, "580.65.06"); return 0; }
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    *device = (void *)0x40;
    return strcmp(uuid, "GPU-00112233-4455-6677-8899-aabbccddeeff") ? 6 : 0;
}
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
    unsigned pid; unsigned long long own, all;
    held(&pid, &own, &all);
    memory->total = 24000ull * 1000 * 1000; memory->used = all * 1000 * 1000; memory->free = memory->total - memory->used;
    return device == (void *)0x40 ? 0 : 2;
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *energy) { /* in mJ, as many as megabytes */
    unsigned pid; unsigned long long own;
    held(&pid, &own, energy);
    return device == (void *)0x40 ? 0 : 2;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, process_t *processes) {
    unsigned pid; unsigned long long own, all;
    held(&pid, &own, &all);
    unsigned running = pid ? 1 : 0;
    if (*count < running) { *count = running; return 7; } /* NVML_ERROR_INSUFFICIENT_SIZE */
    if (running) { processes[0].pid = pid; processes[0].bytes = own * 1000 * 1000; }
    *count = running;
    return 0;
}
