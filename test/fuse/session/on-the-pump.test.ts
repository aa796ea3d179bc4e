import { stat } from "node:fs/promises";
import { expect, test } from "vitest";
import { Pump } from "../../../src/fuse/pump.js";
import { Session } from "../../../src/fuse/session.js";
import { read, setNonBlocking, write } from "../../../src/libc/device.js";
import type { Attributes } from "../../../src/model/attributes.js";
import { packetConnection } from "../../libc/descriptors.js";
import { recordingLogger } from "../../support/silent-logger.js";
import { attributesOf, fakeFileSystem, STAT } from "../fake-file-system.js";
import { decode, encode, sizeOf } from "../wire/c-struct.js";

// A session on a real pump and a real descriptor: a socket, whose other end is the kernel.

const LIMIT_MS = 5000;
const OPCODES = { GETATTR: 3, STATFS: 17, INIT: 26 };

test("a session on the pump answers at once what it can, and the rest when it is ready", async () => {
  const [fd, kernel] = packetConnection();
  setNonBlocking(fd);
  setNonBlocking(kernel);
  const pump = new Pump();
  const { logger, lines } = recordingLogger();
  let answerGetattr: (attributes: Attributes) => void = () => undefined;
  const { fs } = fakeFileSystem({
    getattr: () =>
      new Promise((resolve) => {
        answerGetattr = resolve;
      }),
    // Comes while the other waits, and sets off a trip through the event loop that answers it.
    statfs: () => {
      stat("/").then(() => answerGetattr(attributesOf(7)), undefined);
      return STAT;
    },
  });
  const send = (opcode: number, unique: number, body: Buffer) => {
    const len = sizeOf("in_header") + body.length;
    const header = encode("in_header", { len, opcode, unique, nodeid: 1 });
    write(kernel, { from: Buffer.concat([header, body]), length: len });
  };
  const heard: { unique: number; error: number; length: number }[] = [];
  const listen = () => {
    const buffer = Buffer.alloc(65_536);
    while (read(kernel, buffer) > 0) {
      const { len, unique, error } = decode("out_header", buffer);
      heard.push({ unique, error, length: len - sizeOf("out_header") });
    }
  };
  let ends = 0;
  const session = new Session({
    fd,
    fs,
    identify: () => ({ isAdmin: false }),
    logger,
    onReady: () => {
      send(OPCODES.GETATTR, 4, Buffer.alloc(16));
      send(OPCODES.STATFS, 6, Buffer.alloc(0));
    },
    onEnd: () => {
      ends += 1;
      pump.stop();
    },
  });
  const look = () => {
    listen();
    if (heard.length === 3) session.abort();
    else pump.after(1, look);
  };
  pump.add(session);
  pump.after(1, look);
  pump.after(LIMIT_MS, () => pump.stop());
  send(OPCODES.INIT, 2, encode("init_in", { major: 7, minor: 41 }));
  await pump.run();
  expect(heard).toEqual([
    { unique: 2, error: 0, length: sizeOf("init_out") },
    { unique: 6, error: 0, length: sizeOf("kstatfs") },
    { unique: 4, error: 0, length: sizeOf("attr_out") },
  ]);
  expect(ends).toBe(1);
  expect(lines.filter(({ level }) => level >= 30)).toEqual([]);
});
