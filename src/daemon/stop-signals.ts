const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** Signals that ask to stop. */
export interface StopSignals {
  /** The first one. A second one ends the process at once; the store survives that. */
  readonly asked: Promise<NodeJS.Signals>;
  /** It is stopping anyway. */
  readonly ignoreFromNowOn: () => void;
}

/** Listens for them from now on. */
export function listenForStop(): StopSignals {
  let isStopping = false;
  let isIgnoring = false;
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    for (const name of STOP_SIGNALS) {
      process.on(name, (signal) => {
        if (isIgnoring) return;
        if (isStopping) process.exit(1);
        isStopping = true;
        resolve(signal);
      });
    }
  });
  return {
    asked,
    ignoreFromNowOn: () => {
      isIgnoring = true;
    },
  };
}
