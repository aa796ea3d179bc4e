import type { MessagePort } from "node:worker_threads";
import type { StoreFigures } from "../compose.js";
import type { Config } from "../config/config.js";
import type { ErrorKind } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import type { StagingId } from "../model/ids.js";
import type { CollectedPart } from "../sdk/collect-garbage.js";
import type { StagedBytes } from "../sdk/daemon-backup.js";
import type { LogTarget } from "../telemetry/logger.js";
import type { DeviceFigures, DeviceToServe } from "./device-sessions.js";

/** What the fs thread starts with. */
export interface Setup {
  readonly config: Config;
  readonly log: LogTarget;
}

/** What the thread does at a moment, in numbers. */
export interface FsFigures {
  readonly store: StoreFigures;
  readonly devices: readonly DeviceFigures[];
}

/** What a question is answered with, if it is one for something. */
export type ThreadAnswer = FsFigures | readonly StagedBytes[] | CollectedPart;

/** To the fs thread. */
export type ToThread =
  | ({ readonly type: "attach" } & DeviceToServe)
  /** The mount is detached: end it, also if somebody still holds it. */
  | { readonly type: "end"; readonly mount: number }
  | { readonly type: "figures"; readonly question: number }
  /** Serves the store to a client at the other end of the port. */
  | {
      readonly type: "client";
      readonly question: number;
      readonly identity: Identity;
      readonly port: MessagePort;
    }
  /** Has all clients leave. */
  | { readonly type: "clear"; readonly question: number; readonly limitMs: number }
  /** Keeps the files of the store, for a backup, under this name. */
  | { readonly type: "hold" | "letStagedGo"; readonly question: number; readonly hold: string }
  | {
      readonly type: "stagedBytes";
      readonly question: number;
      readonly hold: string;
      readonly ids: readonly StagingId[];
    }
  | { readonly type: "endHold"; readonly hold: string }
  /** Finds, or removes, what nothing needs in a part of the store. */
  | {
      readonly type: "collect";
      readonly question: number;
      readonly part: number;
      readonly action: "look" | "remove";
    }
  | { readonly type: "close" };

/** An error on its way to the other thread. */
export interface Failure {
  readonly kind: ErrorKind;
  readonly message: string;
}

/** From the fs thread. */
export type FromThread =
  | { readonly type: "opened" | "closed" }
  | { readonly type: "ready"; readonly mount: number }
  | { readonly type: "ended"; readonly mount: number; readonly failure?: Failure }
  | { readonly type: "answered"; readonly question: number; readonly value?: ThreadAnswer }
  | { readonly type: "unanswered"; readonly question: number; readonly failure: Failure }
  /** The thread can do nothing more. */
  | { readonly type: "failed"; readonly failure: Failure };
