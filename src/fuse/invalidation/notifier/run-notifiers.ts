import { closeSync } from "node:fs";
import { setNonBlocking } from "../../../libc/device.js";
import { messageOf } from "../../../model/errors.js";
import { Pump } from "../../pump.js";
import { Control } from "./control.js";
import { failWaitingRequests } from "./device-clone.js";
import { startNotifierThread } from "./notifier-thread.js";

/** A thread that nothing holds up has ended by then. */
const ENDING_MS = 20;
/** How often those are failed that hold one up. */
const FAILING_MS = 5;

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
    try {
      failWaitingRequests(device);
    } catch (error) {
      console.error(`what waits for an answer can't be failed: ${messageOf(error)}`);
      return;
    }
    pump.after(FAILING_MS, () => letGo(mount));
  };
  const end = (mount: number) => {
    pump.after(ENDING_MS, () => letGo(mount));
  };

  setNonBlocking(control);
  pump.add(
    new Control(control, {
      onOpened: ({ mount, socket, device }) => {
        devices.set(mount, device);
        startNotifierThread({ socket, device }, (error) => {
          if (error !== undefined) console.error(`a notifier thread: ${messageOf(error)}`);
          devices.delete(mount);
          closeSync(device);
          if (error !== undefined) process.exit(1); // the daemon starts all of them anew
          stopIfDone();
        });
      },
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
