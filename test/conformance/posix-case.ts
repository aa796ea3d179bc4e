import { expect } from "vitest";
import type { KernelCalls } from "./kernel-calls.js";
import { type PosixDriver, PosixError } from "./posix-driver.js";
import type { Credentials } from "./thread-credentials.js";

/**
 * What a case can't do without: a real kernel (memory maps, locks, permission checks), to be root,
 * or to be anybody else.
 */
export type Need = "kernel" | "root" | "ordinary user";

/** One sentence about behaviour, and the calls that prove it. */
export interface PosixCase {
  readonly name: string;
  readonly needs?: readonly Need[];
  /** Nexus says so, and not every file system of Linux does. */
  readonly nexus?: true;
  /** tmpfs does otherwise, and in what. */
  readonly notOnTmpfs?: string;
  /** Hundreds of files or more, which take long where each call does. */
  readonly isLarge?: true;
  /** Longer than others, on a slow machine. */
  readonly timeoutMs?: number;
  run(context: PosixContext): Promise<void>;
}

export interface PosixContext {
  /** Its root is an empty directory, made for this case by whoever runs it. */
  readonly driver: PosixDriver;
  readonly isRoot: boolean;
  /** Whether there is a kernel between the case and the file system. */
  readonly isReal: boolean;
  /** Who runs the case. */
  readonly user: Credentials;
  /** What only a real kernel can do. Errors: there is none. */
  readonly kernel: KernelCalls;
}

/** The call must fail with this errno. */
export async function fails(call: Promise<unknown>, code: string): Promise<void> {
  expect(await outcomeOf(call)).toBe(code);
}

/** How a call ended: the errno, or `success`. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => "success",
    (error: unknown) => {
      if (error instanceof PosixError) return error.code;
      throw error;
    },
  );
}
