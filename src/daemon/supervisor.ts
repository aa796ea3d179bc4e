import type { Supervision } from "../config/supervision.js";
import { sendDatagram } from "../libc/datagram.js";
import type { Logger } from "../telemetry/logger.js";

/** Who started a daemon and watches over it, if anybody does. */
export interface Supervisor {
  /** The mounts answer. */
  ready(): void;
  /** What the daemon does now, in words. */
  status(text: string): void;
  stopping(): void;
  /** Says from now on that the daemon is well, as long as this resolves in time. */
  watch(isWell: () => Promise<unknown>): void;
}

/** Starts something again and again; returns what ends that. */
export type Repeat = (intervalMs: number, task: () => void) => () => void;

const EVERY: Repeat = (intervalMs, task) => {
  const timer = setInterval(task, intervalMs);
  return () => clearInterval(timer);
};

/** systemd, by sd_notify(3); nobody when the environment names no socket. */
export function supervisorOf(
  { notifySocket, watchdogMs }: Supervision,
  {
    logger,
    send = sendDatagram,
    repeat = EVERY,
  }: { logger: Logger; send?: typeof sendDatagram; repeat?: Repeat },
): Supervisor {
  let isStopping = false;
  let stopWatching: () => void = () => undefined;
  const say = (text: string) => {
    if (notifySocket === undefined) return;
    try {
      send(notifySocket, Buffer.from(text));
    } catch (error) {
      logger.warn({ err: error }, "the supervisor can't be told");
    }
  };
  return {
    ready: () => say("READY=1"),
    status: (text) => say(`STATUS=${text}`),
    stopping: () => {
      if (!isStopping) say("STOPPING=1");
      isStopping = true;
      // From here on a time limit of its own counts, TimeoutStopSec.
      stopWatching();
    },
    watch: (isWell) => {
      if (notifySocket === undefined || watchdogMs === undefined) return;
      let isAsking = false;
      // Half of the time, as the manual recommends. One answer that is late leaves the next ones out.
      stopWatching = repeat(watchdogMs / 2, () => {
        if (isAsking) return;
        isAsking = true;
        isWell().then(
          () => {
            isAsking = false;
            say("WATCHDOG=1");
          },
          (error) => logger.error({ err: error }, "the daemon is not well"),
        );
      });
    },
  };
}
