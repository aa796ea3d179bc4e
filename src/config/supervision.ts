/** What a supervisor like systemd says to a service that it starts: sd_notify(3), sd_watchdog_enabled(3). */
export interface Supervision {
  /** The socket that hears of the service's state; `@` first means an abstract one. */
  readonly notifySocket: string | undefined;
  /** Within how many milliseconds the supervisor wants to hear that the service is well. */
  readonly watchdogMs: number | undefined;
}

/** Read from the environment; a watchdog that is meant for another process is none. */
export function supervisionOf(
  env: NodeJS.ProcessEnv = process.env,
  pid = process.pid,
): Supervision {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = env;
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
  const microseconds = Number(WATCHDOG_USEC);
  const isWatched = isOurs && Number.isSafeInteger(microseconds) && microseconds > 0;
  return {
    notifySocket: NOTIFY_SOCKET || undefined,
    watchdogMs: isWatched ? microseconds / 1000 : undefined,
  };
}
