import { constants } from "node:os";
import { read, write } from "../libc/device.js";
import type { Scheduler } from "../model/clock.js";
import { messageOf, NexusError } from "../model/errors.js";
import type { Caller, Credentials, Identity } from "../model/identity.js";
import type { Ino } from "../model/ids.js";
import { type MaybePromise, whenReady } from "../model/maybe-promise.js";
import type { Logger } from "../telemetry/logger.js";
import type { FileSystem } from "../vfs/file-system.js";
import { ENOSYS, errnoOf, errnoOfKind, isTrouble } from "./errno.js";
import { Holdings } from "./holdings.js";
import { inTurns } from "./in-turns.js";
import type { Coherence } from "./invalidation/coherence.js";
import { KernelCache } from "./invalidation/kernel-cache.js";
import type { StartNotifier } from "./invalidation/notifier/notifier.js";
import type { Context, Granted, Operation } from "./operations/context.js";
import { NO_HANDLE } from "./operations/directories.js";
import { OPERATIONS } from "./operations/table.js";
import { useOfPages } from "./operations/use-of-pages.js";
import { IN_HEADER_BYTES, OPCODE, opcodeName } from "./protocol/constants.js";
import { type Agreement, MAX_REQUEST_BYTES, negotiate } from "./protocol/negotiation.js";
import { Reply } from "./protocol/reply.js";
import { Request } from "./protocol/request.js";
import type { Source } from "./pump.js";

const { EAGAIN, EINTR, ENOENT, ENODEV, ECONNABORTED, EPROTO } = constants.errno;

/** Answers kept for reuse; more are made when more requests wait at once. */
const SPARE_REPLIES = 4;

/** What a signal to the waiting process may cut short: it only waits, nothing happens later. */
const INTERRUPTIBLE = new Set<number>([OPCODE.GETXATTR]);

/** For these the kernel waits for no answer, not even that they failed. */
const UNANSWERED = new Set<number>([OPCODE.FORGET, OPCODE.BATCH_FORGET, OPCODE.INTERRUPT]);

export interface SessionOptions {
  /** An open /dev/fuse that was mounted. The session reads and writes it; its owner closes it. */
  readonly fd: number;
  readonly fs: FileSystem;
  /** On whose behalf a process of the host acts; undefined for one that may do nothing here. */
  readonly identify: (credentials: Credentials) => Identity | undefined;
  /** Whether it tells different identities: then the kernel keeps less; see native-notes/caching.md. */
  readonly callersDiffer?: boolean;
  readonly logger: Logger;
  /** Where others may change what this mount's kernel keeps; without it, nobody does. */
  readonly sharing?: Sharing;
  /** The kernel and we agreed: the mount answers now. */
  readonly onReady: (agreement: Agreement) => void;
  /**
   * The kernel has let go of the mount, and all of its requests are answered; or we never agreed,
   * then with the reason. Closing the device fails whatever the mount's users still want.
   */
  readonly onEnd: (failure?: NexusError) => void;
}

/** What a mount has in common with the others of its store. */
export interface Sharing {
  readonly coherence: Coherence;
  readonly startNotifier: StartNotifier;
  readonly scheduler: Scheduler;
}

/**
 * One mount's conversation with the kernel. Reads a request, carries it out, answers; keeps account
 * of what the kernel holds (look-ups, handles), so that all of it is let go when the mount ends.
 */
export class Session implements Source {
  readonly fd: number;
  readonly #fs: FileSystem;
  readonly #identify: SessionOptions["identify"];
  readonly #callersDiffer: boolean;
  readonly #logger: Logger;
  readonly #onReady: SessionOptions["onReady"];
  readonly #onEnd: SessionOptions["onEnd"];
  readonly #request = new Request(new ArrayBuffer(MAX_REQUEST_BYTES));
  readonly #replies: Reply[] = [];
  readonly #mount = Symbol("mount");
  readonly #coherence: Coherence | undefined;
  readonly #cache: KernelCache | undefined;
  readonly #scheduler: Scheduler | undefined;
  readonly #holdings: Holdings;
  /** Requests not answered yet, by their number, with what cuts them short. */
  readonly #waiting = new Map<number, () => void>();
  /** Answers that wait until other kernels have forgotten what they make untrue. */
  #heldAnswers = 0;
  /** Many look-ups are being taken back, piece by piece. */
  #forgetting: MaybePromise<void> = undefined;
  readonly #unknown = new Set<number>();
  /** A request is being carried out, or answered: the descriptor stays open until that is done. */
  #isWorking = false;
  #isReady = false;
  #hasEnded = false;
  #isOver = false;
  #failure: NexusError | undefined;
  #served = 0;

  constructor(options: SessionOptions) {
    this.fd = options.fd;
    this.#fs = options.fs;
    this.#identify = options.identify;
    this.#callersDiffer = options.callersDiffer ?? false;
    this.#logger = options.logger;
    this.#onReady = options.onReady;
    this.#onEnd = options.onEnd;
    this.#holdings = new Holdings({
      fs: options.fs,
      logger: options.logger,
      onForgotten: (ino) => this.#cache?.pages.noteForgotten(ino),
    });
    this.#scheduler = options.sharing?.scheduler;
    this.#coherence = options.sharing?.coherence;
    this.#cache = options.sharing && this.#share(options.sharing);
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  get requestsServed(): number {
    return this.#served;
  }

  /** How many look-ups the kernel holds: each entry that it was told of, as often as it was. */
  get lookupsHeld(): number {
    return this.#holdings.lookups;
  }

  /** How many files and directories are open. */
  get openHandles(): number {
    return this.#holdings.handles;
  }

  receive(): "more" | "ended" {
    if (this.#hasEnded) return "ended";
    const count = read(this.fd, this.#request.buffer);
    if (count > 0) {
      this.#served += 1;
      this.#isWorking = true;
      this.#take(count);
      this.#finishWork();
      return this.#hasEnded ? "ended" : "more";
    }
    // EAGAIN: a spurious wake-up. ENOENT: the request was interrupted before we got it.
    if (count === -EAGAIN || count === -EINTR || count === -ENOENT) return "more";
    if (count !== -ENODEV && count !== -ECONNABORTED && count !== 0) {
      this.#logger.error({ errno: -count }, "the FUSE device can't be read; ending the mount");
    }
    this.#end();
    return "ended";
  }

  /** Ends the session from our side: the kernel fails whatever its users still want. */
  abort(): void {
    if (!this.#hasEnded) this.#end();
  }

  #take(length: number): void {
    const request = this.#request;
    try {
      request.load(length);
      this.#dispatch();
    } catch (error) {
      this.#logger.error({ err: error, length }, "a request was dropped");
      if (length < IN_HEADER_BYTES || UNANSWERED.has(request.opcode)) return;
      this.#fail(this.#newReply(), { ...numbersOf(request), error });
    }
  }

  #dispatch(): void {
    const request = this.#request;
    switch (request.opcode) {
      case OPCODE.FORGET:
        this.#holdings.forget(request.nodeid, request.u64(0));
        break;
      case OPCODE.BATCH_FORGET:
        this.#forgetMany();
        break;
      case OPCODE.INTERRUPT:
        this.#waiting.get(request.u64(0))?.();
        break;
      case OPCODE.INIT:
        this.#initialize();
        break;
      case OPCODE.DESTROY:
        this.#answer(this.#newReply(), numbersOf(request));
        break;
      default: {
        const operation = OPERATIONS.get(request.opcode);
        if (operation === undefined) this.#refuseUnknown();
        else this.#carryOut(operation);
      }
    }
  }

  #carryOut(operation: Operation): void {
    const request = this.#request;
    const { opcode, unique } = request;
    const numbers = numbersOf(request);
    const reply = this.#newReply();
    const caller = this.#callerOf(request);
    if (caller === undefined) {
      this.#refuse(reply, { ...numbers, errno: errnoOfKind("access-denied") });
      return;
    }
    const granted: Granted = { inos: [], handle: undefined, goesPastCache: false };
    const context: Context = {
      fs: this.#fs,
      caller,
      callersDiffer: this.#callersDiffer,
      request,
      reply,
      granted,
      coherence: this.#coherence,
      cache: this.#cache,
      refusal: undefined,
    };
    // Asked for once, whatever comes of it: the file system shall not hear of it again at the end.
    if (opcode === OPCODE.RELEASE || isReleaseOfListing(request)) {
      this.#holdings.noteReleased(request.u64(0));
    }
    const succeed = () => {
      if (context.refusal !== undefined) {
        this.#refuse(reply, { ...numbers, errno: errnoOfKind(context.refusal) });
        return;
      }
      // From here on the kernel has to hear of changes to what the answer tells of.
      this.#holdings.hold(granted);
      const answer = () => {
        if (!this.#answer(reply, numbers)) this.#holdings.takeBack(granted);
      };
      this.#whenForgotten(caller, { granted: granted.inos, answer });
    };
    const fail = (error: unknown) => {
      this.#holdings.release(granted);
      if (isTrouble(error)) {
        this.#logger.error({ err: error, op: opcodeName(opcode) }, "a request failed");
      }
      this.#fail(reply, { ...numbers, error });
    };
    let result: ReturnType<Operation>;
    try {
      result = operation(context);
    } catch (error) {
      fail(error);
      return;
    }
    if (!(result instanceof Promise)) {
      succeed();
      return;
    }
    const interrupt = INTERRUPTIBLE.has(opcode)
      ? () => {
          // The reply stays with the operation, which may still write to it.
          const error = new NexusError("interrupted", "interrupted by a signal");
          this.#fail(this.#newReply(), { ...numbers, error });
        }
      : undefined;
    this.#wait({ unique, result, succeed, fail, interrupt });
  }

  /** Each request has an origin of its own: what it changes is found by that. */
  #callerOf(request: Request): Caller | undefined {
    const identity = this.#identify(request);
    if (identity === undefined) return undefined;
    const { uid, gid, pid, nodeid: node } = request;
    if (this.#cache === undefined) return { uid, gid, pid, identity };
    const pages = useOfPages(request, this.#holdings);
    return { uid, gid, pid, identity, origin: { mount: this.#mount, node, pages } };
  }

  /** Goes on with other requests; whichever comes first, the result or an interrupt, is answered. */
  #wait({
    unique,
    result,
    succeed,
    fail,
    interrupt,
  }: {
    unique: number;
    result: Promise<void>;
    succeed: () => void;
    fail: (error: unknown) => void;
    interrupt: (() => void) | undefined;
  }): void {
    let isAnswered = false;
    const once = (answer: () => void) => {
      if (isAnswered) return;
      isAnswered = true;
      this.#waiting.delete(unique);
      this.#isWorking = true;
      answer();
      this.#finishWork();
    };
    this.#waiting.set(unique, () => {
      if (interrupt !== undefined) once(interrupt);
    });
    result.then(
      () => once(succeed),
      (error) => once(() => fail(error)),
    );
  }

  #initialize(): void {
    const numbers = numbersOf(this.#request);
    const reply = this.#newReply();
    try {
      const agreement = negotiate(this.#request, reply);
      this.#answer(reply, numbers);
      if (agreement === undefined || this.#isReady) return;
      this.#isReady = true;
      this.#logger.debug(agreement, "FUSE session is ready");
      this.#onReady(agreement);
    } catch (error) {
      this.#logger.fatal({ err: error }, "no agreement with the kernel");
      this.#refuse(reply, { ...numbers, errno: EPROTO });
      if (this.#isReady) return;
      const message = `no agreement with the kernel: ${messageOf(error)}`;
      this.#failure = new NexusError("not-supported", message, { op: "mount", cause: error });
      this.#end();
    }
  }

  /** ENOSYS makes the kernel do without, for most opcodes for good: worth one line each. */
  #refuseUnknown(): void {
    const { opcode } = this.#request;
    if (!this.#unknown.has(opcode)) {
      this.#unknown.add(opcode);
      this.#logger.debug({ op: opcodeName(opcode) }, "not implemented; the kernel does without");
    }
    this.#refuse(this.#newReply(), { ...numbersOf(this.#request), errno: ENOSYS });
  }

  /**
   * What the kernel has forgotten is of no hurry, and whoever asks something meanwhile doesn't wait for it. It
   * doesn't matter what comes first: counts are taken away, not set.
   */
  #forgetMany(): void {
    const pieces = this.#holdings.forgetMany(this.#request.forgotten());
    const forget = () => (this.#isOver ? undefined : inTurns(pieces, this.#scheduler));
    const forgetting = whenReady(this.#forgetting, forget);
    if (!(forgetting instanceof Promise)) return;
    this.#forgetting = forgetting;
    void forgetting.then(() => {
      if (this.#forgetting === forgetting) this.#forgetting = undefined;
    });
  }

  /** False when nobody waits for the answer any more. */
  #answer(reply: Reply, numbers: Numbers): boolean {
    reply.seal({ ...numbers, errno: 0 });
    return this.#send(reply);
  }

  #fail(reply: Reply, { error, ...numbers }: Numbers & { error: unknown }): void {
    this.#refuse(reply, { ...numbers, errno: errnoOf(error) });
  }

  #refuse(reply: Reply, { errno, ...numbers }: Numbers & { errno: number }): void {
    reply.clear();
    reply.seal({ ...numbers, errno: -errno });
    this.#send(reply);
  }

  #send(reply: Reply): boolean {
    const written = write(this.fd, { from: reply.buffer, length: reply.length });
    if (this.#replies.length < SPARE_REPLIES) this.#replies.push(reply);
    if (written === reply.length) return true;
    // ENOENT: the request was interrupted. ENODEV: the mount is gone.
    if (written !== -ENOENT && written !== -ENODEV && written !== -ECONNABORTED) {
      this.#logger.error({ written, length: reply.length }, "an answer was not taken");
    }
    return false;
  }

  /** Calls `answer` once no other kernel keeps what the caller has changed: at once, most of the time. */
  #whenForgotten(
    caller: Caller,
    { granted, answer }: { granted: readonly Ino[]; answer: () => void },
  ): void {
    const release = () => {
      this.#heldAnswers -= 1;
      answer();
      this.#endIfDrained();
    };
    const isHeld = this.#coherence?.whenForgotten(caller, { granted, answer: release });
    if (isHeld) this.#heldAnswers += 1;
    else answer();
  }

  /** From now on this mount's kernel hears of what others change. */
  #share({ coherence, startNotifier, scheduler }: Sharing): KernelCache {
    const cache = new KernelCache({
      knows: (ino) => this.#holdings.knows(ino),
      startNotifier: (events) => startNotifier(this.fd, events),
      scheduler,
      logger: this.#logger,
      onFailure: (error) => {
        this.#logger.error({ err: error }, "the kernel can't be told of changes; ending the mount");
        this.#failure ??= error;
        this.abort();
      },
    });
    coherence.join(this.#mount, cache);
    return cache;
  }

  #newReply(): Reply {
    const reply = this.#replies.pop() ?? new Reply(MAX_REQUEST_BYTES);
    reply.clear();
    return reply;
  }

  #end(): void {
    this.#hasEnded = true;
    this.#endIfDrained();
  }

  #finishWork(): void {
    this.#isWorking = false;
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (!this.#hasEnded || this.#isOver || this.#isWorking) return;
    if (this.#waiting.size + this.#heldAnswers > 0) return;
    this.#isOver = true;
    this.#coherence?.leave(this.#mount);
    this.#cache?.close();
    const letGo = () => inTurns(this.#holdings.letGoOfAll(), this.#scheduler);
    whenReady(whenReady(this.#forgetting, letGo), () => this.#onEnd(this.#failure));
  }
}

/** Most directories are listed without a handle, and their number stands for a file elsewhere. */
function isReleaseOfListing(request: Request): boolean {
  return request.opcode === OPCODE.RELEASEDIR && request.u64(0) !== NO_HANDLE;
}

interface Numbers {
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
}

function numbersOf({ uniqueLow, uniqueHigh }: Request): Numbers {
  return { uniqueLow, uniqueHigh };
}
