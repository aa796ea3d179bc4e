import { MountTable } from "../../../src/core/mount-table.js";
import { namespaceTable } from "../../../src/core/namespace.js";
import { Router } from "../../../src/core/router.js";
import { VisibleZones } from "../../../src/core/visible-zones.js";
import type { Caller } from "../../../src/model/identity.js";
import { type Ino, ROOT_INO } from "../../../src/model/ids.js";
import type { Entry, ListedEntry } from "../../../src/vfs/file-system.js";
import { VirtualFileSystem } from "../../../src/vfs/virtual/virtual-file-system.js";
import { ANYBODY, flags, World } from "../world.js";
import { FakeWorkStore } from "./fake-work-store.js";

/** A file system with the virtual directory over it, and work items that a test makes up. */
export class VirtualWorld {
  readonly world = new World();
  readonly work = new FakeWorkStore();
  readonly fs = new VirtualFileSystem({
    inner: this.world.fs,
    work: this.work,
    visible: new VisibleZones({
      router: new Router({ namespaces: namespaceTable([]), mounts: new MountTable([]) }),
    }),
    clock: this.world.clock,
    owner: { uid: 41, gid: 42 },
    version: "1.2.3",
  });

  /** Looks up the path from the root, and forgets nothing. */
  async entry(path: string, caller: Caller = ANYBODY): Promise<Entry | undefined> {
    let entry: Entry | undefined;
    for (const name of path.split("/").slice(1)) {
      entry = await this.fs.lookup(caller, { parent: entry?.ino ?? ROOT_INO, name });
      if (entry === undefined) return undefined;
    }
    return entry;
  }

  async ino(path: string, caller: Caller = ANYBODY): Promise<Ino> {
    const entry = await this.entry(path, caller);
    if (entry === undefined) throw new Error(`${path} isn't there`);
    return entry.ino;
  }

  /** All names but the dots, as a program sees them that reads so many at a time. */
  async names(path: string, caller: Caller = ANYBODY, atOnce = 100): Promise<string[]> {
    const ino = await this.ino(path, caller);
    const names: string[] = [];
    const opened = await this.fs.opendir(caller, { ino });
    try {
      for (let cookie = 0; ; ) {
        const page = await this.page({ ino, cookie, atOnce, caller, ...opened });
        const last = page.at(-1);
        if (last === undefined) break;
        cookie = last.cookie;
        names.push(...page.map(({ name }) => name));
      }
    } finally {
      if (opened !== undefined) this.fs.release(opened);
    }
    return names.filter((name) => name !== "." && name !== "..");
  }

  async page({
    ino,
    cookie,
    atOnce,
    caller = ANYBODY,
    handle = 0,
  }: {
    ino: Ino;
    cookie: number;
    atOnce: number;
    caller?: Caller;
    handle?: number;
  }): Promise<ListedEntry[]> {
    const page: ListedEntry[] = [];
    const emit = (entry: ListedEntry) => page.length < atOnce && page.push(entry) > 0;
    await this.fs.readdir(caller, { ino, handle, cookie, limit: atOnce, emit });
    return page;
  }

  async text(path: string, caller: Caller = ANYBODY): Promise<string> {
    const ino = await this.ino(path, caller);
    const opened = await this.fs.open(caller, { ino, flags: flags({ access: "read" }) });
    const into = Buffer.alloc(4096);
    const count = await this.fs.read(caller, { ...opened, offset: 0, into });
    this.fs.release(opened);
    return into.toString("utf8", 0, count);
  }

  async target(path: string, caller: Caller = ANYBODY): Promise<string> {
    const target = await this.fs.readlink(caller, { ino: await this.ino(path, caller) });
    return Buffer.from(target).toString("utf8");
  }
}
