import { NexusError } from "../../model/errors.js";
import type { ImportLine } from "./line-format.js";

/** Says in a failure that is about the path of a line which line that is. */
export async function withLine<T>(
  lines: ReadonlyMap<string, ImportLine>,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof NexusError) || error.path === undefined) throw error;
    const line = lines.get(error.path);
    if (line === undefined) throw error;
    const { kind, path, message } = error;
    throw new NexusError(kind, `line ${line.lineNumber}: ${message}`, {
      op: "import",
      path,
      cause: error,
    });
  }
}
