import type { DeviceToServe } from "../../src/daemon/device-sessions.js";
import type { ServedDevice } from "../../src/daemon/fs-thread.js";
import type { MountHost } from "../../src/daemon/mount-host.js";
import type { MountSpec } from "../../src/daemon/mount-spec.js";
import { FS_TYPE, type HostMount, mountAbove } from "../../src/libc/host-mounts.js";
import { NexusError } from "../../src/model/errors.js";

export function spec(mountPoint: string, changes: Partial<MountSpec> = {}): MountSpec {
  return {
    mountPoint,
    identity: { isAdmin: false },
    identities: [],
    ...{ allowOther: false, readOnly: false, kernelOptions: [], allowNonEmpty: false },
    binding: "device",
    ...changes,
  };
}

interface Device extends ServedDevice {
  readonly asked: DeviceToServe;
  readonly finish: () => void;
  readonly fail: (error: NexusError) => void;
}

/** A machine with mounts, and a thread that serves them, both in words alone. */
export class FakeHost {
  readonly mounts: HostMount[] = [];
  readonly directories = new Set<string>();
  readonly devices: Device[] = [];
  /** Places that somebody uses: only detaching takes them away. */
  readonly busy = new Set<string>();
  /** What goes wrong at a place. */
  readonly unmountable = new Map<string, NexusError>();
  readonly unserved = new Map<string, NexusError>();
  /** Devices that were told to end soon. */
  readonly ending: number[] = [];
  #lastId = 100;

  readonly host: MountHost = {
    mountOver: (path, { itself }) => {
      const parent = path.slice(0, path.lastIndexOf("/")) || "/";
      const above = mountAbove(itself ? path : parent, this.mounts);
      return above?.type === FS_TYPE ? above : undefined;
    },
    prepare: async ({ mountPoint }) => {
      const madeDirectory = !this.directories.has(mountPoint);
      this.directories.add(mountPoint);
      return { clearedStale: false, madeDirectory };
    },
    mount: async ({ mountPoint }) => {
      const refusal = this.unmountable.get(mountPoint);
      if (refusal !== undefined) throw refusal;
      const id = ++this.#lastId;
      const own: HostMount = {
        ...{ id, device: `0:${id}`, parentId: 1, root: "/", mountPoint },
        ...{ type: FS_TYPE, source: "/data", userId: 0 },
      };
      this.mounts.push(own);
      return { fd: id, own };
    },
    unmount: async (own, { lazy }) => {
      if (own === undefined || !this.mounts.includes(own)) return "gone";
      if (this.mounts.findLast(({ mountPoint }) => mountPoint === own.mountPoint) !== own) {
        return "covered";
      }
      const isBusy = this.busy.has(own.mountPoint);
      if (isBusy && !lazy) throw new NexusError("busy", `${own.mountPoint} is in use`);
      this.mounts.splice(this.mounts.indexOf(own), 1);
      if (!isBusy) this.#deviceOf(own)?.finish();
      return "reachable";
    },
    isAttached: (own) => this.mounts.includes(own),
    removeDirectory: (mountPoint) => this.directories.delete(mountPoint),
  };

  readonly server = {
    attach: async (asked: DeviceToServe): Promise<ServedDevice> => {
      const own = this.mounts.find(({ id }) => id === asked.fd);
      const refusal = this.unserved.get(own?.mountPoint ?? "");
      if (refusal !== undefined) throw refusal;
      let finish: Device["finish"] = () => undefined;
      let fail: Device["fail"] = () => undefined;
      const ended = new Promise<void>((resolve, reject) => {
        finish = resolve;
        fail = reject;
      });
      const end = () => {
        this.ending.push(asked.mount);
        finish();
      };
      const device = { asked, ended, end, finish, fail };
      this.devices.push(device);
      return device;
    },
  };

  /** As umount(8) does from outside. */
  takeAway(mountPoint: string): void {
    const own = this.mounts.findLast((mount) => mount.mountPoint === mountPoint);
    if (own === undefined) throw new Error(`nothing is mounted at ${mountPoint}`);
    this.mounts.splice(this.mounts.indexOf(own), 1);
    this.#deviceOf(own)?.finish();
  }

  places(): string[] {
    return this.mounts.map(({ mountPoint }) => mountPoint);
  }

  #deviceOf({ id }: HostMount): Device | undefined {
    return this.devices.find(({ asked }) => asked.fd === id);
  }
}
