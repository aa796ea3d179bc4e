/*
 * Times single system calls on a directory: one line "name microseconds" per figure, each the mean
 * over COUNT files. Compiled and run by scripts/bench/mount.
 *
 *   micro DIRECTORY COUNT PHASE
 *
 * Phases: create (create+write 4 KiB+close), stat, read (open+read 4 KiB+close), unlink,
 * fsync (append 4 KiB+fsync on one file).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char path[4096];
static char block[4096];

static void fail(const char *what) {
  fprintf(stderr, "micro: %s %s: %s\n", what, path, strerror(errno));
  exit(1);
}

static const char *file(const char *directory, int index) {
  snprintf(path, sizeof path, "%s/file-%06d", directory, index);
  return path;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void create_one(const char *directory, int index) {
  memcpy(block, &index, sizeof index); /* no two files alike */
  int fd = open(file(directory, index), O_CREAT | O_EXCL | O_WRONLY, 0644);
  if (fd < 0) fail("create");
  if (write(fd, block, sizeof block) != sizeof block) fail("write");
  if (close(fd) != 0) fail("close");
}

static void stat_one(const char *directory, int index) {
  struct stat result;
  if (stat(file(directory, index), &result) != 0) fail("stat");
}

static void read_one(const char *directory, int index) {
  int fd = open(file(directory, index), O_RDONLY);
  if (fd < 0) fail("open");
  if (read(fd, block, sizeof block) != sizeof block) fail("read");
  if (close(fd) != 0) fail("close");
}

static void unlink_one(const char *directory, int index) {
  if (unlink(file(directory, index)) != 0) fail("unlink");
}

static void fsync_one(const char *directory, int index) {
  static int fd = -1;
  if (fd < 0) fd = open(file(directory, -1), O_CREAT | O_WRONLY | O_APPEND, 0644);
  memcpy(block, &index, sizeof index);
  if (fd < 0 || write(fd, block, sizeof block) != sizeof block) fail("append");
  if (fsync(fd) != 0) fail("fsync");
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(const char *, int);
  } phases[] = {{"create", create_one}, {"stat", stat_one},   {"read", read_one},
                {"unlink", unlink_one}, {"fsync", fsync_one}};
  if (argc != 4) {
    fprintf(stderr, "usage: micro DIRECTORY COUNT PHASE\n");
    return 2;
  }
  int count = atoi(argv[2]);
  for (unsigned phase = 0; phase < sizeof phases / sizeof *phases; phase++) {
    if (strcmp(phases[phase].name, argv[3]) != 0) continue;
    double start = now();
    for (int index = 0; index < count; index++) phases[phase].run(argv[1], index);
    printf("%s %.3f\n", argv[3], (now() - start) / count);
    return 0;
  }
  fprintf(stderr, "micro: no phase '%s'\n", argv[3]);
  return 2;
}
