import { NexusError } from "../model/errors.js";
import { type ArmedFailpoint, FAILPOINTS, type Failpoint } from "../model/failpoint.js";

const VARIABLE = "NEXUS_FAILPOINTS";
const FILE_VARIABLE = "NEXUS_FAILPOINTS_FILE";
const SHAPE = /^([a-z-]+):kill(?:@([1-9]\d{0,8}))?$/;

/**
 * What tests set, and nobody else: `NEXUS_FAILPOINTS=blob-linked:kill@3` has the process kill itself (SIGKILL) the
 * third time that it gets there, after it has appended the name to the file that `NEXUS_FAILPOINTS_FILE`
 * names. Errors: `invalid-config`.
 */
export function armedFailpoint(env: NodeJS.ProcessEnv): ArmedFailpoint | undefined {
  const text = env[VARIABLE];
  if (!text) return undefined;
  const [, name = "", count = "1"] = SHAPE.exec(text) ?? [];
  if (!isFailpoint(name)) {
    const problem = name === "" ? `found "${text}"` : `there is no failpoint "${name}"`;
    throw new NexusError(
      "invalid-config",
      `${VARIABLE}: ${problem}; allowed: NAME:kill or NAME:kill@COUNT, with one of the names ${Object.keys(FAILPOINTS).join(", ")}`,
    );
  }
  return { name, count: Number(count), reachedFile: env[FILE_VARIABLE] || undefined };
}

function isFailpoint(name: string): name is Failpoint {
  return Object.hasOwn(FAILPOINTS, name);
}
