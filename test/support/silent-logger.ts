import { type Logger, pino } from "pino";

/** For tests that don't look at the log. */
export const silentLogger: Logger = pino({ level: "silent" });

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** A logger and the lines that it was given. */
export function recordingLogger(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const write = (line: string) => {
    lines.push(JSON.parse(line) as LogLine);
  };
  return { logger: pino({ level: "trace" }, { write }), lines };
}
