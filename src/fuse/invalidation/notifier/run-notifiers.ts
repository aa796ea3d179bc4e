import { closeSync } from "node:fs";
import { setNonBlocking } from "../../../libc/device.js";
import { messageOf } from "../../../model/errors.js";
import { Pump } from "../../pump.js";
import { Control, type MountOpened } from "./control.js";
import { failWaitingRequests } from "./device-clone.js";
import { startNotifierThread } from "./notifier-thread.js";

/** A thread that nothing holds up has ended by then. */
const ENDING_MS = 20;
/** How often those are failed that hold one up. */
const FAILING_MS = 5;
/** The same where that failed. */
const TROUBLED_MS = 100;

/**
 * The notifier process: for each mount a thread that tells its kernel what to forget, until the daemon says that the
 * mount is over, or is over itself, also by kill -9. Resolves when no thread is left.
 */
export async function runNotifiers(control: number): Promise<void> {
  const pump = new Pump();
  /** Devices of the threads that run. */
  const devices = new Map<number, number>();
  let hasDaemon = true;
  const stopIfDone = () => {
    if (!hasDaemon && devices.size === 0) pump.stop();
  };

  /**
   * The thread may wait for a lock of a program that waits for an answer which nobody gives any more. Neither would
   * end, for the thread has the device open. So whoever asks something is refused until it has.
   */
  const letGo = (mount: number) => {
    const device = devices.get(mount);
    if (device === undefined) return;
    let nextMs = FAILING_MS;
    try {
      failWaitingRequests(device);
    } catch (error) {
      console.error(`what waits for an answer can't be failed: ${messageOf(error)}`);
      nextMs = TROUBLED_MS;
    }
    pump.after(nextMs, () => letGo(mount));
  };
  const end = (mount: number) => {
    pump.after(ENDING_MS, () => letGo(mount));
  };
  /** The daemon starts another one. Without a daemon, those that are left are let go. */
  const fail = (why: string) => {
    console.error(why);
    // Not process.exit: that waits for threads, which may wait for the daemon.
    if (hasDaemon) process.kill(process.pid, "SIGKILL");
  };
  const open = ({ mount, socket, device }: MountOpened) => {
    startNotifierThread({ socket, device }, (error) => {
      devices.delete(mount);
      closeSync(device);
      if (error !== undefined) fail(`a notifier thread has failed: ${messageOf(error)}`);
      stopIfDone();
    });
    devices.set(mount, device);
  };

  setNonBlocking(control);
  pump.add(
    new Control(control, {
      onOpened: (opened) => {
        try {
          open(opened);
        } catch (error) {
          closeSync(opened.socket);
          closeSync(opened.device);
          fail(`a notifier thread can't start: ${messageOf(error)}`);
        }
      },
      onCut: () => fail("there is no room for more descriptors"),
      onClosed: end,
      onEnd: () => {
        hasDaemon = false;
        for (const mount of devices.keys()) end(mount);
        stopIfDone();
      },
    }),
  );
  await pump.run();
}
