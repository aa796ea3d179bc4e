import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { clearEvent } from "../../../libc/event-counter.js";
import type { Caller, Identity } from "../../../model/identity.js";
import type { Logger } from "../../../telemetry/logger.js";
import type { FileSystem } from "../../../vfs/file-system.js";
import { errnoOf, isTrouble } from "../../errno.js";
import type { Coherence } from "../../invalidation/coherence.js";
import type { Source } from "../../pump.js";
import type { NativeMount } from "./mount-native.js";
import type { PathAnswer, PathQuestion } from "./path-calls.js";
import { PathFileSystem } from "./path-file-system.js";

export interface PathSessionOptions {
  /** The port is closed here, the device by its owner. */
  readonly mount: NativeMount;
  readonly fs: FileSystem;
  /** On whose behalf all users of the mount act, and as which user: libfuse's callbacks don't tell who asks. */
  readonly identity: Identity;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly logger: Logger;
  /** Keeps the kernels of other mounts from telling what isn't so any more. */
  readonly coherence: Pick<Coherence, "whenForgotten">;
  /** The kernel has let go of the mount, and nothing of it is held any more. */
  readonly onEnd: () => void;
}

/**
 * The fs thread's side of a mount whose callbacks come on another thread: carries out each call, and answers
 * when no other kernel keeps what it has changed. This mount's own kernel is told to keep nothing, because
 * libfuse 2 has no way to make it forget.
 */
export class PathSession implements Source {
  /** Readable when there are questions at the port. */
  readonly fd: number;
  /** Tells when the kernel has let go of the mount. */
  readonly end: Source;
  readonly #options: PathSessionOptions;
  readonly #port: MessagePort;
  readonly #files: PathFileSystem;
  #working = 0;
  #served = 0;
  #hasEnded = false;
  #isOver = false;

  constructor(options: PathSessionOptions) {
    this.#options = options;
    this.#port = options.mount.port;
    this.fd = options.mount.asked;
    this.end = {
      fd: options.mount.fd,
      waitsFor: "the end",
      isWaiting: false,
      receive: () => {
        this.abort();
        return "ended";
      },
    };
    this.#files = new PathFileSystem(options.fs);
  }

  get isWaiting(): boolean {
    return this.#working > 0;
  }

  get requestsServed(): number {
    return this.#served;
  }

  /** libfuse's own nodes hold nothing here; only files without a name are kept for it. */
  get lookupsHeld(): number {
    return this.#files.hiddenFiles;
  }

  get openHandles(): number {
    return this.#files.openFiles;
  }

  /** Takes the questions right off the port: the event loop would need a turn for each. */
  receive(): "more" | "ended" {
    clearEvent(this.fd);
    while (!this.#hasEnded) {
      const taken = receiveMessageOnPort(this.#port) as { message: PathQuestion } | undefined;
      if (taken === undefined) return "more";
      this.#carryOut(taken.message);
    }
    return "ended";
  }

  /** Ends the mount from our side: whatever its users still want fails. */
  abort(): void {
    this.#hasEnded = true;
    this.#endIfDrained();
  }

  #carryOut({ number, call, request }: PathQuestion): void {
    const { identity, user } = this.#options;
    // Each call has a caller of its own: what it changes is found by that.
    const caller: Caller = { ...user, pid: 0, identity };
    this.#working += 1;
    this.#served += 1;
    const succeed = (result: unknown) => this.#succeed(caller, { number, call, result });
    const fail = (error: unknown) => {
      if (isTrouble(error))
        this.#options.logger.error({ err: error, op: call }, "a request failed");
      this.#answer({ number, errno: errnoOf(error) });
    };
    let result: unknown;
    try {
      const carryOut = this.#files.callsOf(caller)[call] as (request: unknown) => unknown;
      result = carryOut(request);
    } catch (error) {
      fail(error);
      return;
    }
    if (result instanceof Promise) result.then(succeed, fail);
    else succeed(result);
  }

  #succeed(
    caller: Caller,
    { number, call, result }: { number: number; call: string; result: unknown },
  ): void {
    // Bytes that were read are given away, not copied; other values may be the store's.
    const given = call === "read" ? [(result as Uint8Array<ArrayBuffer>).buffer] : [];
    const answer = () => this.#answer({ number, result }, given);
    if (!this.#options.coherence.whenForgotten(caller, { answer })) answer();
  }

  #answer(answer: PathAnswer, given: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(answer, given);
    this.#working -= 1;
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (!this.#hasEnded || this.#isOver || this.#working > 0) return;
    this.#isOver = true;
    this.#files.close();
    this.#port.close();
    this.#options.onEnd();
  }
}
