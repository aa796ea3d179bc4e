import { constants } from "node:os";
import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import type { Nexus } from "../../../src/compose.js";
import type { OpcodeName } from "../../../src/fuse/protocol/constants.js";
import { Session } from "../../../src/fuse/session.js";
import type { FakeClock } from "../../support/fake-clock.js";
import { FakeDevice } from "../fake-device.js";
import { encode } from "../wire/c-struct.js";
import { opcodeOf, whyWrong } from "./check-answer.js";
import { Known } from "./known.js";
import { hostileBytes } from "./request-bytes.js";
import { type HostileStep, isPause, type RequestStep } from "./step.js";
import type { Outcome, Tally } from "./tally.js";
import { identify } from "./users.js";

const { ENOENT } = constants.errno;

const UNANSWERED = new Set<OpcodeName | undefined>(["FORGET", "BATCH_FORGET", "INTERRUPT"]);
const HEADER_BYTES = 40;
const ERROR_LEVEL = 50;
/** What comes of a request that isn't one: the only trouble that a kernel may make. */
const MALFORMED = "MalformedRequest";
/** By then all that is under way has come to its end, also on a slow and busy machine. */
const SOON_MS = 30_000;
/** Everything that falls due by itself has by then. */
const LONG_MS = 60_000;

interface Asked {
  readonly request: Buffer;
  readonly isLost: boolean;
}

/** What a session, and the file system behind it, must not do, whatever a kernel sends. */
export class Misbehaviour extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Misbehaviour";
  }
}

/**
 * A kernel that sends what it likes, and holds the session to what a kernel relies on: one answer to each request,
 * of the length that its opcode has; nothing unexpected in the log; and nothing left when it has let go of all.
 */
export class HostileKernel {
  readonly #nexus: Nexus;
  readonly #clock: FakeClock;
  readonly #device = new FakeDevice();
  readonly #session: Session;
  readonly #known = new Known();
  readonly #asked = new Map<bigint, Asked>();
  readonly #tally: Tally | undefined;
  readonly #before: { readonly inodesKnown: number; readonly openHandles: number };
  #unique = 0n;
  #ends = 0;
  #trouble: string | undefined;

  constructor({ nexus, clock, tally }: { nexus: Nexus; clock: FakeClock; tally?: Tally }) {
    this.#nexus = nexus;
    this.#clock = clock;
    this.#tally = tally;
    this.#before = nexus.figures();
    this.#session = new Session({
      fd: this.#device.fd,
      fs: nexus.fileSystem,
      identify,
      callersDiffer: true,
      logger: pino({ level: "error" }, { write: (line) => this.#log(line) }),
      onReady: () => undefined,
      onEnd: () => {
        this.#ends += 1;
      },
    });
    this.#send(encode("in_header", { len: 40 + 64, opcode: 26, unique: this.#next() }), {
      body: encode("init_in", { major: 7, minor: 45 }),
    });
  }

  /** Does a step. Errors: {@link Misbehaviour}. */
  async take(step: HostileStep): Promise<void> {
    if (isPause(step)) await this.#pass(step.pauseMs);
    else this.#ask(step);
  }

  /** Waits for all answers, lets go of everything, and ends. Errors: {@link Misbehaviour}. */
  async end(): Promise<void> {
    await this.#settle();
    const { lookups, handles, lookupCount } = this.#known;
    this.#expect("look-ups held", { is: this.#session.lookupsHeld, should: lookupCount });
    this.#expect("handles held", { is: this.#session.openHandles, should: handles.size });
    for (const fh of [...handles.items]) {
      this.#ask({ opcode: "RELEASE", node: 1, user: 0, fields: { fh: String(fh) } });
    }
    const pairs = [...lookups].map(([node, count]) => [String(node), count] as const);
    const count = pairs.length;
    this.#ask({ opcode: "BATCH_FORGET", node: 1, user: 0, fields: { count }, pairs });
    await this.#settle();
    // What is being sealed is let go when that is done.
    await this.#until(() => this.#isEmpty);
    const { inodesKnown, openHandles } = this.#nexus.figures();
    this.#expect("inodes known at the end", { is: inodesKnown, should: this.#before.inodesKnown });
    this.#expect("files open at the end", { is: openHandles, should: this.#before.openHandles });
    this.#session.abort();
    this.#device.close();
    this.#expect("ends", { is: this.#ends, should: 1 });
  }

  get #isEmpty(): boolean {
    return this.#nexus.figures().inodesKnown === this.#before.inodesKnown;
  }

  #ask(step: RequestStep): void {
    const unique = this.#next();
    const request = hostileBytes(step, { known: this.#known, unique });
    this.#send(request, { isLost: step.isLost });
  }

  #send(
    head: Buffer,
    { body, isLost = false }: { body?: Buffer; isLost?: boolean | undefined },
  ): void {
    const request = body === undefined ? head : Buffer.concat([head, body]);
    const opcode = opcodeOf(request);
    const unique = request.readBigUInt64LE(8);
    const isAnswered = !UNANSWERED.has(opcode);
    if (isAnswered && this.#asked.has(unique)) return; // no kernel has a number twice
    if (isAnswered) this.#asked.set(unique, { request, isLost });
    this.#known.asked(unique);
    this.#noteLetGo(request, opcode);
    this.#device.requests.push(request);
    // An INTERRUPT has another request answered.
    this.#device.refuses = isLost && isAnswered ? ENOENT : undefined;
    const startMs = performance.now();
    const next = this.#session.receive();
    const ms = performance.now() - startMs;
    this.#device.refuses = undefined;
    this.#tally?.note(opcode ?? "none", { outcome: outcomeOf(this.#device.answers, unique), ms });
    this.#takeAnswers();
    // What nobody took was refused at once, or comes later and is taken.
    if (isLost && !this.#session.isWaiting) this.#asked.delete(unique);
    if (next !== "more") throw new Misbehaviour(`the session has ended`);
    if (this.#trouble !== undefined) throw new Misbehaviour(this.#trouble);
  }

  /** What the session hears of, whatever it answers. */
  #noteLetGo(request: Buffer, opcode: OpcodeName | undefined): void {
    if (request.readUInt32LE(0) !== request.length) return;
    const body = request.subarray(HEADER_BYTES);
    if (opcode === "FORGET" && body.length >= 8) {
      this.#known.forgot(request.readBigUInt64LE(16), body.readBigUInt64LE(0));
    }
    if (opcode === "BATCH_FORGET" && body.length >= 4) {
      const count = body.readUInt32LE(0);
      if (body.length < 8 + count * 16) return;
      for (let index = 0; index < count; index++) {
        const at = 8 + index * 16;
        this.#known.forgot(body.readBigUInt64LE(at), body.readBigUInt64LE(at + 8));
      }
    }
    const isKnownUser = identify({ uid: request.readUInt32LE(24), gid: 0, pid: 0 }) !== undefined;
    if ((opcode === "RELEASE" || opcode === "RELEASEDIR") && body.length >= 8 && isKnownUser) {
      const fh = body.readBigUInt64LE(0);
      if (opcode === "RELEASE" || fh !== 0n) this.#known.handles.delete(fh);
    }
  }

  #takeAnswers(): void {
    for (const answer of this.#device.answers.splice(0)) {
      const unique = answer.length < 16 ? undefined : answer.readBigUInt64LE(8);
      const asked = unique === undefined ? undefined : this.#asked.get(unique);
      if (unique === undefined || asked === undefined) {
        throw new Misbehaviour(`an answer to ${unique}, which nobody asked, or twice`);
      }
      this.#asked.delete(unique);
      const wrong = whyWrong(asked.request, answer);
      const opcode = opcodeOf(asked.request);
      if (wrong !== undefined) throw new Misbehaviour(`${opcode}: ${wrong}`);
      if (answer.readInt32LE(4) === 0 && opcode !== undefined) {
        this.#known.told(opcode, answer.subarray(16));
      }
    }
  }

  async #pass(ms: number): Promise<void> {
    this.#clock.advance(ms);
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    this.#takeAnswers();
  }

  async #settle(): Promise<void> {
    await this.#until(() => !this.#session.isWaiting);
    this.#takeAnswers();
    const [unanswered] = [...this.#asked.values()].filter(({ isLost }) => !isLost);
    if (unanswered !== undefined) {
      throw new Misbehaviour(`no answer to ${opcodeOf(unanswered.request)}`);
    }
    this.#asked.clear();
    if (this.#trouble !== undefined) throw new Misbehaviour(this.#trouble);
  }

  async #until(isSo: () => boolean): Promise<void> {
    const limitMs = performance.now() + SOON_MS;
    while (!isSo() && performance.now() < limitMs) await this.#pass(LONG_MS);
  }

  #log(line: string): void {
    const { level, err, msg } = JSON.parse(line) as {
      level: number;
      msg: string;
      err?: { type: string; stack: string };
    };
    if (level < ERROR_LEVEL || err?.type === MALFORMED) return;
    // INIT in another version, once it was agreed on one.
    if (msg === "no agreement with the kernel") return;
    this.#trouble ??= `${msg}\n${err?.stack ?? line}`;
  }

  #expect(what: string, { is, should }: { is: number; should: number }): void {
    if (is !== should) throw new Misbehaviour(`${what}: ${is}, not ${should}`);
  }

  #next(): bigint {
    this.#unique += 2n;
    return this.#unique;
  }
}

function outcomeOf(answers: readonly Buffer[], unique: bigint): Outcome {
  const answer = answers.find((one) => one.readBigUInt64LE(8) === unique);
  if (answer === undefined) return "silent";
  return answer.readInt32LE(4) === 0 ? "answered" : "refused";
}
