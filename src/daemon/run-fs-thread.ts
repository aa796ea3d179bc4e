import type { MessagePort } from "node:worker_threads";
import { compose } from "../compose.js";
import { Coherence } from "../fuse/invalidation/coherence.js";
import { Pump } from "../fuse/pump.js";
import { SystemClock } from "../model/clock.js";
import { messageOf, NexusError } from "../model/errors.js";
import type { MaybePromise } from "../model/maybe-promise.js";
import { openLogger } from "../telemetry/logger.js";
import { DeviceSessions } from "./device-sessions.js";
import { failureFields } from "./failure-fields.js";
import type { Failure, FromThread, Setup, ThreadAnswer, ToThread } from "./fs-thread-messages.js";
import { Holds } from "./holds.js";
import { ServedClients } from "./served-clients.js";

/** How long contents are sealed before closing; what is left is taken up at the next start. */
const DRAIN_MS = 30_000;

/** The fs thread itself: opens the store and serves the devices and the clients that it is given. */
export function runFsThread({ config, log }: Setup, port: MessagePort): void {
  const logger = openLogger(log, "fs");
  const say = (message: FromThread) => port.postMessage(message);
  const fail = (error: unknown) => {
    const fields = failureFields(error);
    if (log.to !== "terminal" || "err" in fields) logger.fatal(fields, "the file system failed");
    say({ type: "failed", failure: failureOf(error) });
  };
  const refuse = ({ question }: { question: number }, error: unknown) => {
    const failure = failureOf(error);
    if (failure.kind === "internal") logger.error({ err: error }, "the store can't be asked");
    say({ type: "unanswered", question, failure });
  };
  const answer = (
    asked: { question: number },
    ask: () => MaybePromise<ThreadAnswer | undefined>,
  ) => {
    const give = (value: ThreadAnswer | undefined) =>
      say({ type: "answered", question: asked.question, ...(value && { value }) });
    try {
      const value = ask();
      if (value instanceof Promise) value.then(give).catch((error) => refuse(asked, error));
      else give(value);
    } catch (error) {
      refuse(asked, error);
    }
  };
  try {
    const pump = new Pump();
    // Each mount is read-only for itself.
    const nexus = compose({ config: { ...config, readOnly: false }, scheduler: pump, logger });
    const coherence = new Coherence({ changes: nexus.changes, clock: new SystemClock() });
    const devices = new DeviceSessions({
      ...{ pump, nexus, coherence, logger },
      onReady: (mount) => say({ type: "ready", mount }),
      onEnd: (mount, failure) =>
        say({ type: "ended", mount, ...(failure && { failure: failureOf(failure) }) }),
    });
    const clients = new ServedClients({
      ...{ pump, nexus, coherence, logger },
      dataDir: config.dataDir,
    });
    const holds = new Holds(nexus);
    port.on("message", (message: ToThread) => {
      switch (message.type) {
        case "attach":
          try {
            devices.attach(message);
          } catch (error) {
            say({ type: "ended", mount: message.mount, failure: failureOf(error) });
          }
          break;
        case "end":
          devices.end(message.mount);
          break;
        case "figures":
          answer(message, () => ({ store: nexus.figures(), devices: devices.figures() }));
          break;
        case "client":
          answer(message, () => {
            clients.serve(message);
            return undefined;
          });
          break;
        case "clear":
          void clients.leave(message).then(() => answer(message, () => undefined));
          break;
        case "hold":
          answer(message, () => holds.begin(message.hold));
          break;
        case "stagedBytes":
          answer(message, () => holds.of(message.hold).stagedBytes(message.ids));
          break;
        case "letStagedGo":
          answer(message, () => holds.letStagedGo(message.hold));
          break;
        case "endHold":
          holds.end(message.hold);
          break;
        case "collect":
          answer(message, () => nexus.collect(message.part, message.action));
          break;
        case "close":
          devices.close();
          nexus
            .close({ drainMs: DRAIN_MS })
            .then(() => say({ type: "closed" }), fail)
            .finally(() => {
              pump.stop();
              port.close();
            });
      }
    });
    say({ type: "opened" });
    pump.run().catch(fail);
  } catch (error) {
    fail(error);
  }
}

/** An exception that left a message handler would lose its kind. */
function failureOf(error: unknown): Failure {
  return {
    kind: error instanceof NexusError ? error.kind : "internal",
    message: messageOf(error),
  };
}
