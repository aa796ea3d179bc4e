import type { NexusError } from "../../../model/errors.js";

/** Tells one mount's kernel what to forget, in order, without making the caller wait for it. */
export interface Notifier {
  /**
   * Hands over notifications that belong together. False when there is no room for them now: the caller
   * tries again when it hears of earlier ones, or that they may be lost.
   */
  send(notifications: readonly Buffer[]): boolean;
  /** Sends nothing more. What was handed over may or may not be sent. */
  close(): void;
}

export interface NotifierEvents {
  /** The kernel has taken what one `send` handed over: 0 for each notification, or minus the errno. */
  readonly onDone: (results: readonly number[]) => void;
  /** What was handed over and isn't done may be lost: it has to be handed over again. */
  readonly onLost: () => void;
  /** Nothing can be told any more. */
  readonly onFailure: (error: NexusError) => void;
}

/** Starts what tells the kernel at the other end of an open /dev/fuse. */
export type StartNotifier = (fd: number, events: NotifierEvents) => Notifier;
