import { vi } from "vitest";
import { OPCODE, type OpcodeName } from "../../src/fuse/protocol/constants.js";
import type { Agreement } from "../../src/fuse/protocol/negotiation.js";
import { Session, type SessionOptions } from "../../src/fuse/session.js";
import type { Logger } from "../../src/telemetry/logger.js";
import type { FileSystem } from "../../src/vfs/file-system.js";
import { type LogLine, recordingLogger } from "../support/silent-logger.js";
import { FakeDevice } from "./fake-device.js";
import { type Call, fakeFileSystem } from "./fake-file-system.js";
import { decode, encode, sizeOf } from "./wire/c-struct.js";

vi.mock("../../src/libc/device.js", () => import("./fake-device.js"));

export interface Question {
  readonly opcode: OpcodeName | number;
  readonly node?: number;
  /** The parts of the body; text ends with a NUL, as names do. */
  readonly body?: readonly (Buffer | string)[];
  readonly unique?: number | bigint;
}

export interface Answer {
  /** 0, or the positive error number. */
  readonly errno: number;
  readonly unique: bigint;
  readonly body: Buffer;
}

export const CREDENTIALS = { uid: 1000, gid: 100, pid: 4242 };
const IDENTITY = { isAdmin: false };

interface KernelOptions
  extends Partial<Pick<SessionOptions, "identify" | "callersDiffer" | "sharing">> {
  readonly logger?: Logger;
}

/** A session, and the kernel that it talks to: us. */
export class FakeKernel {
  readonly device = new FakeDevice();
  readonly session: Session;
  readonly calls: readonly Call[];
  readonly log: readonly LogLine[];
  readonly agreements: Agreement[] = [];
  /** How often, and with what, the session has ended. */
  readonly ends: unknown[] = [];
  #unique = 0;

  constructor(instead: Partial<FileSystem> = {}, options: KernelOptions = {}) {
    const { logger, identify, callersDiffer, sharing } = options;
    const { fs, calls } = fakeFileSystem(instead);
    const recording = recordingLogger();
    this.calls = calls;
    this.log = recording.lines;
    this.session = new Session({
      fd: this.device.fd,
      fs,
      identify: identify ?? (() => IDENTITY),
      ...(callersDiffer === undefined ? {} : { callersDiffer }),
      logger: logger ?? recording.logger,
      ...(sharing === undefined ? {} : { sharing }),
      onReady: (agreement) => this.agreements.push(agreement),
      onEnd: (...reason: readonly unknown[]) => this.ends.push(reason[0]),
    });
  }

  /** Sends bytes as one request, as they are. */
  sendBytes(bytes: Buffer): "more" | "ended" {
    this.device.requests.push(bytes);
    return this.session.receive();
  }

  /** Sends a request; returns its number. */
  send(question: Question): bigint {
    const unique = BigInt(question.unique ?? this.nextUnique());
    this.sendBytes(requestBytes({ ...question, unique }));
    return unique;
  }

  /** Sends a request that is answered at once. */
  ask(question: Question): Answer {
    const unique = this.send(question);
    const answer = this.answerTo(unique);
    if (answer === undefined) throw new Error(`no answer to ${question.opcode}`);
    return answer;
  }

  /** The same; what it failed with. */
  errnoOf(question: Question): number {
    return this.ask(question).errno;
  }

  answerTo(unique: bigint): Answer | undefined {
    return this.answers.find((answer) => answer.unique === unique);
  }

  get answers(): Answer[] {
    return this.device.answers.map(parseAnswer);
  }

  /** Calls of these methods, as they came. */
  requestsTo(...methods: readonly (keyof FileSystem)[]): unknown[] {
    return this.calls
      .filter(({ method }) => methods.includes(method))
      .map(({ request }) => request);
  }

  /** As the kernel counts: even numbers. */
  nextUnique(): number {
    this.#unique += 2;
    return this.#unique;
  }
}

/** Resolves when every promise that could settle by itself has. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function requestBytes({ opcode, node = 1, body = [], unique = 2 }: Question): Buffer {
  const parts = body.map((part) => (typeof part === "string" ? Buffer.from(`${part}\0`) : part));
  const payload = Buffer.concat(parts);
  const header = encode("in_header", {
    len: sizeOf("in_header") + payload.length,
    opcode: typeof opcode === "number" ? opcode : OPCODE[opcode],
    unique,
    nodeid: node,
    ...CREDENTIALS,
  });
  return Buffer.concat([header, payload]);
}

/** Takes an answer apart; throws when its header isn't right. */
function parseAnswer(bytes: Buffer): Answer {
  const { len, error } = decode("out_header", bytes);
  if (len !== bytes.length) throw new Error(`an answer of ${bytes.length} bytes says ${len}`);
  const body = bytes.subarray(sizeOf("out_header"));
  if (error > 0 || error <= -512) throw new Error(`an answer with the error ${error}`);
  if (error !== 0 && body.length > 0) throw new Error("an error with a body");
  return { errno: -error || 0, unique: bytes.readBigUInt64LE(8), body };
}
