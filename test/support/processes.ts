import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

/** Of another process there is no event to wait for, so it is asked again and again. */
const POLL_MS = 10;

/** Waits for something that happens outside this process; an error says what it was. */
export async function until(
  what: string,
  { holds, timeoutMs = 20_000 }: { holds: () => boolean; timeoutMs?: number },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await setTimeout(POLL_MS);
  }
}

/** Whether a process runs; one that nobody has waited for yet doesn't. */
export function isRunning(pid: number): boolean {
  return stateOf(pid) !== undefined;
}

/** Kills a process as a crash does, and waits until it is gone. */
export async function killNow(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  await until(`process ${pid} is gone`, { holds: () => !isRunning(pid) });
}

/** The children of all of a process's threads; none of one that is gone. */
export function childrenOf(pid: number): number[] {
  return namesIn(`/proc/${pid}/task`).flatMap((thread) =>
    (textOf(`/proc/${pid}/task/${thread}/children`) ?? "").split(" ").filter(Boolean).map(Number),
  );
}

/** The processor time that a process has used, in clock ticks of 10 ms. */
export function cpuTicks(pid: number): number {
  const fields = statOf(pid)?.split(" ") ?? [];
  // proc(5), /proc/PID/stat: utime and stime are fields 14 and 15, counted from 1.
  return Number(fields[11]) + Number(fields[12]);
}

/** What a process has in memory, proc_pid_status(5); 0 of one that is gone. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`) ?? "")?.[1];
  return 1024 * Number(kib ?? 0);
}

/** How long a process has to use no processor time to be called idle. */
const IDLE_MS = 3000;

/** The processor time, in clock ticks, that a process last used in three seconds: waits for 0 of them. */
export async function idleTicks(
  pid: number,
  { withinMs }: { readonly withinMs: number },
): Promise<number> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const before = cpuTicks(pid);
    await setTimeout(IDLE_MS);
    const used = cpuTicks(pid) - before;
    if (used === 0 || performance.now() > deadline) return used;
  }
}

function stateOf(pid: number): string | undefined {
  const state = statOf(pid)?.split(" ")[0];
  const hasEnded = state === "Z" || state === "X";
  // Its first thread ends before the others, and they still have its files and locks.
  return hasEnded && threadsOf(pid) <= 1 ? undefined : state;
}

function threadsOf(pid: number): number {
  return namesIn(`/proc/${pid}/task`).length;
}

/** The fields from the third on; the second, the name, may have spaces in it. */
function statOf(pid: number): string | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // there is no such process
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // there is no such process, or thread
  }
}
