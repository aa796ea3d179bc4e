import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { shortPath } from "../../../src/rpc/socket-path.js";

/** RFC 6455, section 5.2. */
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;

/** Bytes to the owner's socket, as they are: a client that keeps to no protocol. */
export class RawClient {
  readonly socket: Socket;
  readonly received: Buffer[] = [];
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => this.received.push(bytes));
    // A hostile client is thrown out in the middle of what it sends.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.isClosed = true;
    });
  }

  static async connect(dataDir: string): Promise<RawClient> {
    const short = shortPath(dataDir, { name: "nexus.sock" });
    try {
      const socket = connect(short.path);
      await once(socket, "connect");
      return new RawClient(socket);
    } finally {
      short.close();
    }
  }

  /** One that speaks WebSocket, so far; it may ask for extensions, and what it hears is in `received`. */
  static async upgraded(dataDir: string, { extensions = "" } = {}): Promise<RawClient> {
    const client = await RawClient.connect(dataDir);
    const key = randomBytes(16).toString("base64");
    const asked = extensions === "" ? "" : `Sec-WebSocket-Extensions: ${extensions}\r\n`;
    client.send(
      `GET /rpc HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${asked}\r\n`,
    );
    await once(client.socket, "data");
    return client;
  }

  /** One that has been let in. */
  static async initialized(dataDir: string): Promise<RawClient> {
    const client = await RawClient.upgraded(dataDir);
    const params = {
      protocolVersion: 1,
      identity: { isAdmin: false },
      client: { name: "hostile", version: "0", pid: process.pid },
    };
    client.ask(1, "initialize", params);
    await once(client.socket, "data");
    return client;
  }

  send(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  ask(id: number, method: string, params: object): void {
    this.send(frame(JSON.stringify({ jsonrpc: "2.0", id, method, params })));
  }

  /** Takes nothing any more, but stays connected. */
  stopReading(): void {
    this.socket.pause();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A frame as a client sends it, masked with zeros. */
export function frame(
  payload: Uint8Array | string,
  {
    opcode = TEXT,
    isFinal = true,
    isCompressed = false,
    says,
  }: { opcode?: number; isFinal?: boolean; isCompressed?: boolean; says?: number } = {},
): Buffer {
  const bytes = Buffer.from(payload);
  const length = says ?? bytes.length;
  const head = Buffer.alloc(14);
  head[0] = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, bytes]);
}
