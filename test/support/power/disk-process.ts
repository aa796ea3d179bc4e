import { closeSync } from "node:fs";
import { mountDevice } from "../../../src/fuse/binding/device.js";
import { Pump } from "../../../src/fuse/pump.js";
import { Session } from "../../../src/fuse/session.js";
import { unmount } from "../../../src/libc/mount.js";
import { silentLogger } from "../silent-logger.js";
import type { DiskAnswer, DiskRequest } from "./disk-messages.js";
import { FailingCalls } from "./failing-calls.js";
import { LosingDisk } from "./losing-disk.js";
import { LosingFileSystem } from "./losing-file-system.js";
import { Survival } from "./survival.js";

// A process that is a disk: what it has goes with it. It ends when the process that started it does.

interface Mount {
  readonly mountPoint: string;
  readonly fd: number;
  readonly session: Session;
}

const pump = new Pump();
let disk = new LosingDisk();
const failing = new FailingCalls();
let mounted: Mount | undefined;

async function mount(mountPoint: string): Promise<void> {
  const kernelOptions = new Set<never>();
  const options = { mountPoint, source: "losing-disk", allowOther: true, kernelOptions };
  const fd = await mountDevice(options);
  await new Promise<void>((resolve, reject) => {
    const session = new Session({
      fd,
      fs: failing.in(new LosingFileSystem(disk)),
      identify: () => ({ isAdmin: true }),
      logger: silentLogger,
      onReady: () => {
        resolve();
        // The event loop doesn't hear of a promise that is resolved while a request is served.
        pump.stepAside();
      },
      onEnd: (failure) => reject(failure ?? new Error("unmounted")),
    });
    mounted = { mountPoint, fd, session };
    pump.add(session);
  });
}

/** Closing the device fails all that the kernel still wants, before anything of it gets here. */
async function drop(): Promise<void> {
  if (mounted === undefined) return;
  const { mountPoint, fd, session } = mounted;
  mounted = undefined;
  pump.remove(session);
  closeSync(fd);
  await unmount(mountPoint, { lazy: true });
}

async function carryOut(request: DiskRequest): Promise<void> {
  switch (request.kind) {
    case "mount":
      await mount(request.mountPoint);
      break;
    case "fail":
      failing.set(request);
      break;
    case "freeze":
      if (mounted !== undefined) pump.remove(mounted.session);
      break;
    case "cut":
      await drop();
      disk = disk.afterPowerLoss(new Survival(request));
  }
}

process.on("message", (request: DiskRequest) => {
  const answer = (message: DiskAnswer) => process.send?.(message);
  carryOut(request).then(
    () => answer({}),
    (error: Error) => answer({ failure: String(error.stack) }),
  );
});
process.on("disconnect", () => {
  void drop().finally(() => process.exit());
});
void pump.run();
