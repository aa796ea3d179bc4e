import { closeSync } from "node:fs";
import { constants } from "node:os";
import { setNonBlocking, write } from "../../../libc/device.js";
import { messageSocketPair } from "../../../libc/sockets.js";
import { messageOf, NexusError } from "../../../model/errors.js";
import type { Logger } from "../../../telemetry/logger.js";
import type { Pump } from "../../pump.js";
import { tellClosed, tellOpened } from "./control.js";
import { openClone } from "./device-clone.js";
import type { Notifier, NotifierEvents } from "./notifier.js";
import { launchProcess } from "./notifier-main.js";
import { Results } from "./results.js";

// A notification can block: while the kernel holds a directory's lock for a request that waits for the fs thread. So
// it is never sent from there. And a thread that blocks so can't be killed, and would keep all that its process
// has open: were it one of the daemon's, a daemon that is killed would leave the programs that it owes an answer
// waiting for ever, itself a zombie, and its mounts neither served nor dead. So it is in a process of its own, with
// devices of its own for the same kernels. When the daemon is gone, the kernel fails the requests that it had read,
// and the notifier process those that nobody has.

const { EAGAIN } = constants.errno;
/** One that has lived so long did start. */
const LIVES_MS = 1000;
/** How long after its end it is started again, by how often in a row it didn't; then it is given up. */
const AGAIN_MS = [0, 100, 300, 1000, 3000] as const;

/** One mount's. */
interface Started {
  readonly device: number;
  readonly events: NotifierEvents;
  /** Undefined while there is no process. */
  results: Results | undefined;
}

interface Running {
  readonly control: number;
  /** That it has lived for a while counts no more. */
  readonly cancel: () => void;
}

export interface NotifierProcessOptions {
  /** This thread's. */
  readonly pump: Pick<Pump, "add" | "remove" | "after">;
  readonly logger: Logger;
  readonly launch?: typeof launchProcess;
  readonly clone?: typeof openClone;
}

/** The daemon's process that tells kernels what to forget. It ends with the daemon, however that ends. */
export class NotifierProcess {
  readonly #pump: NotifierProcessOptions["pump"];
  readonly #logger: Logger;
  readonly #launch: typeof launchProcess;
  readonly #clone: typeof openClone;
  readonly #started = new Map<number, Started>();
  #lastMount = 0;
  #running: Running | undefined;
  /** In a row. */
  #failures = 0;
  #cancelStart: (() => void) | undefined;

  constructor({ pump, logger, launch = launchProcess, clone = openClone }: NotifierProcessOptions) {
    this.#pump = pump;
    this.#logger = logger;
    this.#launch = launch;
    this.#clone = clone;
  }

  /** Starts the process, if it doesn't run: that takes a moment. */
  warmUp(): void {
    if (this.#running !== undefined || this.#cancelStart !== undefined) return;
    try {
      this.#run();
    } catch (error) {
      this.#startAgain(messageOf(error));
    }
  }

  /** Starts telling the kernel at the other end of a device. Until the process runs, there is no room for anything. */
  start(device: number, events: NotifierEvents): Notifier {
    const mount = ++this.#lastMount;
    const started: Started = { device, events, results: undefined };
    this.#started.set(mount, started);
    if (this.#running === undefined) this.warmUp();
    else this.#tryConnect(mount, started);
    return {
      send: (notifications) => send(started, notifications),
      close: () => {
        if (this.#started.delete(mount)) this.#disconnect(mount, started);
      },
    };
  }

  /** Ends it: the process hears the end of its socket. */
  close(): void {
    this.#cancelStart?.();
    if (this.#running !== undefined) this.#letGoOf(this.#running);
  }

  #letGoOf({ control, cancel }: Running): void {
    cancel();
    closeSync(control);
    this.#running = undefined;
  }

  /** Errors: those of socketpair(2), and of starting a process. */
  #run(): void {
    const [control, theirs] = messageSocketPair();
    const cancel = this.#pump.after(LIVES_MS, () => {
      this.#failures = 0;
    });
    const running: Running = { control, cancel };
    try {
      this.#launch(theirs, (why) => this.#lose(running, why));
    } catch (error) {
      this.#letGoOf(running);
      throw error;
    } finally {
      closeSync(theirs);
    }
    this.#running = running;
    for (const [mount, started] of [...this.#started]) this.#tryConnect(mount, started);
  }

  #tryConnect(mount: number, started: Started): void {
    try {
      this.#connect(mount, started);
    } catch (error) {
      if (this.#running !== undefined) this.#lose(this.#running, messageOf(error));
    }
  }

  /** Errors: those of socketpair(2), and `io-failure` when the process is gone. */
  #connect(mount: number, started: Started): void {
    const running = this.#running;
    if (running === undefined) return;
    const [own, socket] = messageSocketPair();
    let clone: number | undefined;
    try {
      setNonBlocking(own);
      clone = this.#cloneOf(started.device);
      tellOpened(running.control, { mount, socket, device: clone ?? started.device });
    } catch (error) {
      closeSync(own);
      throw error;
    } finally {
      closeSync(socket);
      if (clone !== undefined) closeSync(clone);
    }
    started.results = new Results(own, started.events);
    this.#pump.add(started.results);
  }

  #disconnect(mount: number, started: Started): void {
    const { results } = started;
    if (results === undefined) return;
    started.results = undefined;
    this.#pump.remove(results);
    closeSync(results.fd);
    if (this.#running === undefined) return;
    try {
      tellClosed(this.#running.control, mount);
    } catch {
      // It is gone, and hears of nothing any more.
    }
  }

  /** Without one, a mount works as well, but may hang when the daemon is killed. */
  #cloneOf(device: number): number | undefined {
    try {
      return this.#clone(device);
    } catch (error) {
      const message =
        "/dev/fuse can't be opened again: if this process is killed, programs may hang";
      this.#logger.warn({ err: error }, message);
      return undefined;
    }
  }

  #lose(running: Running, why: string): void {
    if (this.#running !== running) return; // closed, or lost before
    this.#letGoOf(running);
    for (const [mount, started] of this.#started) this.#disconnect(mount, started);
    this.#startAgain(why);
  }

  /** Everything is told again to another one. */
  #startAgain(why: string): void {
    const delayMs = AGAIN_MS[this.#failures];
    this.#failures += 1;
    this.#logger.warn({ why }, "the notifier process has ended");
    if (delayMs === undefined) {
      this.#giveUp(why);
      return;
    }
    this.#cancelStart = this.#pump.after(delayMs, () => {
      this.#cancelStart = undefined;
      this.warmUp();
      for (const { events, results } of [...this.#started.values()]) {
        if (results !== undefined) events.onLost();
      }
    });
  }

  #giveUp(why: string): void {
    const failure = new NexusError("internal", `the notifier process can't run: ${why}`);
    const all = [...this.#started.values()];
    this.#started.clear();
    this.#failures = 0;
    for (const { events } of all) events.onFailure(failure);
  }
}

/** False when the socket is full. A process that is gone is noticed by its end, and all is sent again then. */
function send({ results }: Started, notifications: readonly Buffer[]): boolean {
  if (results === undefined) return false;
  const packet = Buffer.concat(notifications);
  return write(results.fd, { from: packet, length: packet.length }) !== -EAGAIN;
}
