/** What the writer says, a line each; see `writer.mjs`. */
type Event =
  | { readonly begun: "rewrite" | "append" | "remove"; readonly name: string }
  | { readonly begun: "replace"; readonly name: string; readonly hash: string }
  | {
      readonly done: "rewrite" | "append" | "replace";
      readonly name: string;
      readonly hash: string;
    }
  | { readonly done: "remove"; readonly name: string }
  | { readonly done: "sync"; readonly text: string }
  | { readonly ended: string };

/** A file that isn't there. */
export const ABSENT = "absent";

/** What must be on disk after a crash, by what the writer had heard of. */
export interface Acknowledged {
  /** For each name the hashes that it may have; undefined while any state is allowed. */
  readonly files: ReadonlyMap<string, readonly string[] | undefined>;
  /** What the file that is only synced, and never closed, must begin with. */
  readonly synced: string;
  /** The error that ended the writer, or undefined when it didn't get so far. */
  readonly ended: string | undefined;
  readonly steps: number;
}

/**
 * Reads what a writer said until the crash. An action that had begun may have happened or not; one
 * that was writing into a file may have left anything in it.
 */
export function acknowledged(output: string): Acknowledged {
  const files = new Map<string, readonly string[] | undefined>();
  let synced = "";
  let ended: string | undefined;
  let steps = 0;
  // The last line may be torn.
  for (const line of output.split("\n").slice(0, -1)) {
    const event = JSON.parse(line) as Event;
    if ("ended" in event) {
      ended = event.ended;
    } else if ("begun" in event) {
      const before = files.get(event.name) ?? [ABSENT];
      if (event.begun === "replace") files.set(event.name, [...before, event.hash]);
      else if (event.begun === "remove") files.set(event.name, [...before, ABSENT]);
      else files.set(event.name, undefined);
    } else if (event.done === "sync") {
      synced += event.text;
    } else {
      files.set(event.name, [event.done === "remove" ? ABSENT : event.hash]);
      steps += 1;
    }
  }
  return { files, synced, ended, steps };
}
