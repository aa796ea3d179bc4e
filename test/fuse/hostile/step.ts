import type { OpcodeName } from "../../../src/fuse/protocol/constants.js";

/**
 * A number in a request: as it is (as text where it has more than 53 bits), or one that the kernel was told: the
 * n-th inode, directory, other file or handle that it has then, counted around.
 */
export type Value =
  | number
  | string
  | { readonly node: number }
  | { readonly dir: number }
  | { readonly file: number }
  | { readonly handle: number }
  | { readonly request: number };

/** What becomes of a whole request on its way. */
export type Damage =
  /** So many bytes are missing at the end. The header says how many there are, or how many there should be. */
  | { readonly cut: number; readonly isTold: boolean }
  | { readonly extend: number; readonly isTold: boolean }
  /** The header's length. */
  | { readonly says: number }
  /** One bit, counted around. */
  | { readonly flip: number };

/** A request of a kernel that is out of its mind, or nearly. */
export interface RequestStep {
  readonly opcode: OpcodeName | number;
  readonly node: Value;
  /** Who asks: one of {@link USERS}. */
  readonly user: number;
  /** Those of the opcode's struct that aren't 0. */
  readonly fields?: Readonly<Record<string, Value>>;
  /** Inodes and counts, after the struct. */
  readonly pairs?: readonly (readonly [node: Value, count: Value])[];
  /** One character for each byte; a NUL is added. */
  readonly names?: readonly string[];
  /** So many bytes at the end. */
  readonly dataBytes?: number;
  readonly damage?: Damage;
  /** Nobody takes the answer: ENOENT. */
  readonly isLost?: true;
}

/** Time passes, and what falls due is done. */
export interface PauseStep {
  readonly pauseMs: number;
}

export type HostileStep = RequestStep | PauseStep;

export function isPause(step: HostileStep): step is PauseStep {
  return "pauseMs" in step;
}
