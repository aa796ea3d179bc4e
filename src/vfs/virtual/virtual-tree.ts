import type { VisibleZones } from "../../core/visible-zones.js";
import type { Clock } from "../../model/clock.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { FIRST_VIRTUAL_INO, type Ino, ROOT_INO } from "../../model/ids.js";
import { type MaybePromise, whenReady } from "../../model/maybe-promise.js";
import { WORK_STATUSES } from "../../model/work.js";
import type { WorkStore } from "../../storage/metadata/work-store.js";
import type { FileSystemStat } from "../file-system.js";
import { FixedDirectory, TextFile } from "./fixed-nodes.js";
import { statsText } from "./stats-text.js";
import type { VirtualDirectory, VirtualNode } from "./virtual-node.js";
import { VisibleWork } from "./visible-work.js";
import { WorkDirectory } from "./work-directory.js";
import { WorkLinks } from "./work-links.js";

/** The name of the virtual directory in the root. It is found by look-up, and not listed there. */
export const VIRTUAL_NAME = ".nexus";

export interface VirtualTreeOptions {
  readonly work: WorkStore;
  readonly visible: VisibleZones;
  readonly clock: Clock;
  /** Who has all of it. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly version: string;
  /** What statfs(2) tells a caller. */
  readonly stat: (caller: Caller) => MaybePromise<FileSystemStat>;
}

/**
 * Numbers of the nodes that are always there. Later features add theirs at the end; the symlinks of
 * work items come after 65,536 of them.
 */
const FIXED_INO = {
  root: FIRST_VIRTUAL_INO as Ino,
  version: (FIRST_VIRTUAL_INO + 1) as Ino,
  stats: (FIRST_VIRTUAL_INO + 2) as Ino,
  work: (FIRST_VIRTUAL_INO + 3) as Ino,
};
const FIRST_STATE_INO = FIRST_VIRTUAL_INO + 16;

/** All that is below `/.nexus`. */
export class VirtualTree {
  readonly root: VirtualDirectory;
  readonly #fixed: ReadonlyMap<Ino, VirtualNode>;
  readonly #links: WorkLinks;

  constructor({ work, visible, clock, owner, version, stat }: VirtualTreeOptions) {
    const provenance = { ...owner, time: clock.now() };
    const visibleWork = new VisibleWork({ work, visible });
    this.#links = new WorkLinks({ work: visibleWork, owner });
    const states = WORK_STATUSES.map((state, index) => {
      const ino = (FIRST_STATE_INO + index) as Ino;
      const parent = FIXED_INO.work;
      const parts = { ino, parent, state, provenance, work: visibleWork, links: this.#links };
      return [state, new WorkDirectory(parts)] as const;
    });
    const entries = new Map<string, VirtualNode>([
      ["version", new TextFile({ ino: FIXED_INO.version, provenance, text: () => `${version}\n` })],
      [
        "stats",
        new TextFile({
          ino: FIXED_INO.stats,
          provenance,
          text: (caller) =>
            whenReady(stat(caller), (found) =>
              statsText({ stat: found, work: visibleWork.counts(caller.identity) }),
            ),
        }),
      ],
      [
        "work",
        new FixedDirectory({
          ino: FIXED_INO.work,
          parent: FIXED_INO.root,
          provenance,
          entries: new Map(states),
        }),
      ],
    ]);
    const { root: ino } = FIXED_INO;
    this.root = new FixedDirectory({ ino, parent: ROOT_INO, provenance, entries });
    const nodes = [this.root, ...entries.values(), ...states.map(([, directory]) => directory)];
    this.#fixed = new Map(nodes.map((node) => [node.ino, node]));
  }

  /** How many nodes are known that aren't always there. */
  get lookedUp(): number {
    return this.#links.size;
  }

  /** Errors: `stale` for a number that nobody looked up. */
  node(ino: Ino): VirtualNode {
    const node = this.#fixed.get(ino) ?? this.#links.get(ino);
    if (node === undefined) throw new NexusError("stale", `inode ${ino} is not known here`);
    return node;
  }

  /** Errors: `stale`, `not-a-directory`. */
  directory(ino: Ino): VirtualDirectory {
    const node = this.node(ino);
    if (node.kind === "directory") return node;
    throw new NexusError("not-a-directory", `inode ${ino} is no directory`);
  }

  /** Takes back look-ups, of what counts them. */
  forget({ ino, count }: { ino: Ino; count: number }): void {
    this.#links.get(ino)?.forget(count);
  }
}
