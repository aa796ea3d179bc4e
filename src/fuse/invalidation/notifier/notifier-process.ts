import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { read, setNonBlocking, write } from "../../../libc/device.js";
import { messageSocketPair } from "../../../libc/sockets.js";
import { messageOf, NexusError } from "../../../model/errors.js";
import type { Logger } from "../../../telemetry/logger.js";
import type { Pump, Source } from "../../pump.js";
import { tellClosed, tellOpened } from "./control.js";
import { openClone } from "./device-clone.js";
import type { Notifier, NotifierEvents } from "./notifier.js";
import { PACKET_BYTES, RESULT_BYTES } from "./notifier-thread.js";

// This file is both ends of the notifier process: imported, it starts it; run as one, it is it.
//
// A notification can block: while the kernel holds a directory's lock for a request that waits for the fs thread. So
// it is never sent from there. And a thread that blocks so can't be killed, and would keep all that its process
// has open: were it one of the daemon's, a daemon that is killed would leave the programs that it owes an answer
// waiting for ever, itself a zombie, and its mounts neither served nor dead. So it is in a process of its own, with
// devices of its own for the same kernels. When the daemon is gone, the kernel fails the requests that it had read,
// and the notifier process those that nobody has.

const { EAGAIN, EINTR } = constants.errno;
const IS_PROCESS = "--notify";
/** In the process. */
const CONTROL_FD = 3;
/** One that ends sooner after its start won't do better the next time. */
const LIVES_MS = 1000;
/** Of what it says last. */
const MOST_SAID = 2000;

/** One mount's. */
interface Started {
  readonly device: number;
  readonly events: NotifierEvents;
  results: Results | undefined;
}

interface Running {
  readonly child: ChildProcess;
  readonly control: number;
  readonly sinceMs: number;
}

export interface NotifierProcessOptions {
  /** This thread's. */
  readonly pump: Pump;
  readonly logger: Logger;
}

/** The daemon's process that tells kernels what to forget. It ends with the daemon, however that ends. */
export class NotifierProcess {
  readonly #pump: Pump;
  readonly #logger: Logger;
  readonly #started = new Map<number, Started>();
  #lastMount = 0;
  #running: Running | undefined;

  constructor({ pump, logger }: NotifierProcessOptions) {
    this.#pump = pump;
    this.#logger = logger;
  }

  /** Starts the process, if it doesn't run: that takes a moment. */
  warmUp(): void {
    this.#running ??= this.#run();
  }

  /** Starts telling the kernel at the other end of a device. */
  start(device: number, events: NotifierEvents): Notifier {
    const mount = ++this.#lastMount;
    const started: Started = { device, events, results: undefined };
    this.#started.set(mount, started);
    this.#connect(mount, started);
    return {
      send: (notifications) => this.#send(started, notifications),
      close: () => {
        if (!this.#started.delete(mount)) return;
        this.#disconnect(started);
        if (this.#running !== undefined) this.#tell(() => tellClosed(this.#control, mount));
      },
    };
  }

  /** Ends it: the process hears the end of its socket. */
  close(): void {
    if (this.#running === undefined) return;
    closeSync(this.#running.control);
    this.#running = undefined;
  }

  get #control(): number {
    this.#running ??= this.#run();
    return this.#running.control;
  }

  #run(): Running {
    const [control, theirs] = messageSocketPair();
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), IS_PROCESS], {
      stdio: ["ignore", "ignore", "pipe", theirs],
      // No directory stays in use for it, and no terminal's signal reaches it.
      ...{ cwd: "/", detached: true },
    });
    closeSync(theirs);
    child.unref();
    if (child.stderr instanceof Socket) child.stderr.unref();
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-MOST_SAID);
    });
    const running: Running = { child, control, sinceMs: performance.now() };
    child.on("error", (error) => this.#lose(running, messageOf(error)));
    child.on("exit", (code, signal) => {
      this.#lose(running, `it ended with ${signal ?? code}${said && `: ${said.trim()}`}`);
    });
    this.#logger.debug({ pid: child.pid }, "the notifier process has started");
    return running;
  }

  #connect(mount: number, started: Started): void {
    const [own, socket] = messageSocketPair();
    setNonBlocking(own);
    const results = new Results(own, started.events);
    started.results = results;
    this.#pump.add(results);
    const clone = this.#cloneOf(started.device);
    this.#tell(() => tellOpened(this.#control, { mount, socket, device: clone ?? started.device }));
    closeSync(socket);
    if (clone !== undefined) closeSync(clone);
  }

  #disconnect(started: Started): void {
    const { results } = started;
    if (results === undefined) return;
    started.results = undefined;
    this.#pump.remove(results);
    closeSync(results.fd);
  }

  /** Without one, a mount works as well, but may hang when the daemon is killed. */
  #cloneOf(device: number): number | undefined {
    try {
      return openClone(device);
    } catch (error) {
      this.#logger.warn(
        { err: error },
        "/dev/fuse can't be opened again: a crash may hang programs",
      );
      return undefined;
    }
  }

  /** One that is gone is noticed by its exit. */
  #tell(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#logger.debug({ err: error }, "the notifier process can't be told");
    }
  }

  /** False when the socket is full. A process that is gone is noticed by its exit, and all is sent again then. */
  #send({ results }: Started, notifications: readonly Buffer[]): boolean {
    if (results === undefined) return false;
    const packet = Buffer.concat(notifications);
    return write(results.fd, { from: packet, length: packet.length }) !== -EAGAIN;
  }

  /** The process is gone: everything is started anew, and told again. */
  #lose(running: Running, why: string): void {
    if (this.#running !== running) return; // closed
    closeSync(running.control);
    this.#running = undefined;
    const hasLived = performance.now() - running.sinceMs > LIVES_MS;
    this.#logger.warn({ why }, "the notifier process has ended");
    for (const [mount, started] of [...this.#started]) {
      this.#disconnect(started);
      if (hasLived) {
        this.#connect(mount, started);
        started.events.onLost();
      } else {
        this.#started.delete(mount);
        const message = `the notifier process can't run: ${why}`;
        started.events.onFailure(new NexusError("internal", message));
      }
    }
  }
}

/** On the fs thread: hears what the kernel has taken. */
class Results implements Source {
  readonly fd: number;
  readonly isWaiting = false;
  readonly #packet = Buffer.alloc(PACKET_BYTES);
  readonly #onDone: NotifierEvents["onDone"];

  constructor(fd: number, { onDone }: NotifierEvents) {
    this.fd = fd;
    this.#onDone = onDone;
  }

  receive(): "more" | "ended" {
    const count = read(this.fd, this.#packet);
    if (count === -EAGAIN || count === -EINTR) return "more";
    if (count <= 0) return "ended"; // the process is gone, and its exit is heard soon
    const results: number[] = [];
    for (let at = 0; at < count; at += RESULT_BYTES) results.push(this.#packet.readInt32LE(at));
    this.#onDone(results);
    return "more";
  }
}

if (process.argv[2] === IS_PROCESS && process.argv[1] === fileURLToPath(import.meta.url)) {
  // It ends with the daemon, and not before: who waits for it then would hang.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => undefined);
  // Not awaited: what it loads may lie in one file with this, which would wait for itself.
  void import("./run-notifiers.js").then(({ runNotifiers }) => runNotifiers(CONTROL_FD));
}
