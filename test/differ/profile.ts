import type { Timestamp } from "../../src/model/timestamp.js";
import { ACCEPTED, type Accepted } from "./accepted.js";
import type { Step } from "./step.js";

/** What no step asks for, because the sides would go apart. */
export interface Unasked {
  readonly reason: string;
  readonly isOf: (step: Step) => boolean;
}

/** What is compared, and how, where the mount is of one kind. */
export interface Profile {
  readonly accepted: Accepted;
  readonly unasked: readonly Unasked[];
  /** A time that was set, as the mount shows it. */
  readonly shown: (time: Timestamp) => Timestamp;
  /** How long to wait before a step, so that what it changes gets another time than what was seen. */
  readonly pauseMs: (step: Step) => number;
  /** The mount goes by names, and not by files: lost.ts, linked.ts. */
  readonly goesByName: boolean;
  /** The kernel keeps no name, so a sequence goes from its directory, and not the whole way at each call. */
  readonly asksForEachName: boolean;
}

export const BY_DEVICE: Profile = {
  accepted: ACCEPTED,
  unasked: [],
  shown: (time) => time,
  pauseMs: () => 0,
  goesByName: false,
  asksForEachName: false,
};
