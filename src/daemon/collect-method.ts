import { NexusError } from "../model/errors.js";
import type { CollectedPart } from "../sdk/collect-garbage.js";
import type { ControlMethod } from "./control-server.js";
import type { FsThread } from "./fs-thread.js";
import { record } from "./mount-spec.js";
import { requireSameUser } from "./same-user.js";

/** What is asked for by who collects what a store has and nothing needs. */
export function collectMethod(
  collector: Pick<FsThread, "collect">,
): Readonly<Record<string, ControlMethod>> {
  return {
    /**
     * `{ part, action: "look" | "remove" }`: one part of the store, from 0 on, as a {@link CollectedPart}. For the
     * daemon's own user. Errors: `not-permitted`, `invalid-argument`, `io-failure`, `access-denied`,
     * `closed` (the daemon is ending).
     */
    "daemon.collect": async (params, context): Promise<CollectedPart> => {
      requireSameUser(context);
      const { part, action } = record(params, "params");
      if (typeof part !== "number") {
        throw new NexusError("invalid-argument", "part: allowed: a number");
      }
      if (action !== "look" && action !== "remove") {
        throw new NexusError("invalid-argument", "action: allowed: look, remove");
      }
      return await collector.collect(part, action);
    },
  };
}
