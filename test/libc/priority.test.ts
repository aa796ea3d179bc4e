import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { expect, test } from "vitest";
import { lowerPriority } from "../../src/libc/priority.js";

/** The nice value of each other thread of this process, proc_pid_stat(5). */
function othersNice(): Map<string, string | undefined> {
  const others = readdirSync("/proc/self/task").filter((tid) => Number(tid) !== process.pid);
  return new Map(
    others.map((tid) => {
      const stat = readFileSync(`/proc/self/task/${tid}/stat`, "utf8");
      return [tid, stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]];
    }),
  );
}

test("lowering the priority is for the calling thread alone", () => {
  const before = othersNice();
  expect(before.size).toBeGreaterThan(0);
  lowerPriority();
  expect(getPriority()).toBe(10);
  const after = othersNice();
  for (const [tid, nice] of before) expect(after.get(tid) ?? nice).toBe(nice);
});
