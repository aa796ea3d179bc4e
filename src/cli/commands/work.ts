import type { Command } from "commander";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { addClaim, addRenew } from "./work/claim.js";
import { addDependencies } from "./work/dependencies.js";
import { addComplete, addFail, addRelease } from "./work/finish.js";
import { addListings } from "./work/listings.js";
import { addStatus } from "./work/status.js";
import { addSubmit } from "./work/submit.js";

/** `nexus work`: files as work items. */
export function addWorkCommand(program: Command, frame: Frame): void {
  const work = program.command("work").description("files as work items: the queue");
  work.commandsGroup("What there is:");
  addListings(work, frame);
  addStatus(work, frame);
  addDependencies(work, frame);
  work.commandsGroup("What to do:");
  for (const add of [addSubmit, addClaim, addRenew, addRelease, addComplete, addFail]) {
    add(work, frame);
  }
  addExamples(work, [
    "nexus work submit /jobs/b.json --priority 1 --depends-on /jobs/a.json",
    "job=$(nexus work claim --worker w1) && nexus work complete $job --worker w1",
  ]);
}
