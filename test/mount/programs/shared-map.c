/* Writes to a shared map of the file argv[1], and looks at it from both sides. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 300000 };

int main(int argc, char **argv) {
  char seen[6] = "";
  int fd = open(argv[argc - 1], O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || ftruncate(fd, SIZE) != 0) return 1;
  char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return 2;
  for (int at = 0; at < SIZE; at++) map[at] = (char)(at * 7 + at / 256);
  memcpy(map + 200000, "mapped", 6);
  if (pread(fd, seen, 6, 200000) != 6 || memcmp(seen, "mapped", 6) != 0) return 3;
  puts("seen by read");
  if (pwrite(fd, "wrote!", 6, 100000) != 6 || memcmp(map + 100000, "wrote!", 6) != 0) return 4;
  puts("seen in the map");
  if (msync(map, SIZE, MS_SYNC) != 0) return 5;
  memcpy(map + 50000, "unsync", 6);
  if (munmap(map, SIZE) != 0 || close(fd) != 0) return 6;
  fd = open(argv[argc - 1], O_RDONLY);
  if (pread(fd, seen, 6, 50000) != 6 || memcmp(seen, "unsync", 6) != 0) return 7;
  puts("kept");
  return 0;
}
