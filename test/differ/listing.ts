import { FALLOC, O_ACCMODE, RENAME, XATTR } from "../conformance/posix-driver.js";
import { OPEN_FLAGS } from "./flags.js";
import type { Data, Step, StepPath } from "./step.js";

const ACCESS_MODES = ["O_RDONLY", "O_WRONLY", "O_RDWR", "3"] as const;
const NAMED_FLAGS = {
  fallocate: Object.entries(FALLOC),
  renameat2: Object.entries(RENAME),
  setxattr: Object.entries(XATTR),
  fsetxattr: Object.entries(XATTR),
} as const;
/** What isn't an argument of the call. */
const NO_ARGUMENTS = new Set(["call", "slot", "via", "asUser", "unseen"]);
/** From here on a repeated character is told by its number. */
const LONG_RUN = 20;

/** Steps as a script, one line for each call; #3 is the descriptor in the third place of the pool. */
export function listingOf(steps: readonly Step[]): string {
  return steps.map((step, index) => `${String(index).padStart(4)}  ${lineOf(step)}`).join("\n");
}

/** One step in one line. */
export function lineOf(step: Step): string {
  const slot = "slot" in step ? `#${step.slot}` : "";
  const opens = step.call === "open" || step.call === "openat";
  const args = Object.entries(step)
    .filter(([key]) => !NO_ARGUMENTS.has(key))
    .map(([key, value]) => argument(step, { key, value }));
  const all = slot === "" || opens ? args : [slot, ...args];
  const notes = [
    ...(step.via === undefined ? [] : [`through mount ${step.via}`]),
    ...(step.asUser === true ? ["as the user"] : []),
    ...(step.unseen === true ? ["unseen"] : []),
  ];
  const end = notes.length === 0 ? "" : `  // ${notes.join(", ")}`;
  return `${opens ? `${slot} = ` : ""}${step.call}(${all.join(", ")})${end}`;
}

function argument(step: Step, { key, value }: { key: string; value: unknown }): string {
  if (key === "path" || ((key === "to" || key === "name") && typeof value !== "number")) {
    return pathText(value as StepPath);
  }
  if (key === "target") return pathText(value as StepPath);
  if (key === "at") return `#${value}`;
  if (key === "to") return `to #${value}`;
  if (key === "data" || key === "value") {
    const { length, from } = value as Data;
    return `${length} bytes of ${from}`;
  }
  if (key === "flags" && "flags" in step) return flagsText(step, step.flags);
  if (key === "mode" && step.call === "fallocate") return flagsText(step, step.mode);
  if (key === "mode" || key === "mask") return `0${Number(value).toString(8)}`;
  return `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`;
}

function flagsText(step: Step, flags: number): string {
  if (step.call === "open" || step.call === "openat") return openFlagsText(flags);
  const known = Object.entries(NAMED_FLAGS).find(([call]) => call === step.call)?.[1] ?? [];
  const names = known.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  const left = known.reduce((rest, [, bit]) => rest & ~bit, flags);
  return [...names, ...(left === 0 && names.length > 0 ? [] : [`0x${left.toString(16)}`])].join(
    "|",
  );
}

function openFlagsText(flags: number): string {
  const names: string[] = [ACCESS_MODES[flags & O_ACCMODE] ?? ""];
  let left = flags & ~O_ACCMODE;
  for (const [name, bits] of OPEN_FLAGS) {
    if ((left & bits) !== bits) continue;
    names.push(name);
    left &= ~bits;
  }
  return [...names, ...(left === 0 ? [] : [`0${left.toString(8)}`])].join("|");
}

function pathText(path: StepPath): string {
  if (typeof path !== "string") return `bytes ${path.hex}`;
  const run = new RegExp(`(.)\\1{${LONG_RUN},}`, "gu");
  return JSON.stringify(path.replace(run, (all, one: string) => `${one}{${all.length}}`));
}
