import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import type { TenantId } from "../../src/model/ids.js";
import type { NexusClient } from "../../src/sdk/client.js";
import { connect } from "../../src/sdk/connect.js";
import { connectSocket } from "../../src/sdk/connect-socket.js";
import { Mounted, whyNoMounts } from "../support/daemon.js";
import { kindOfLater } from "../support/error-kind.js";
import { isRunning, killNow, until } from "../support/processes.js";

const skipReason = whyNoMounts();

/** A daemon with one mount, and a client of it in this process. */
async function start(): Promise<{ mounted: Mounted; client: NexusClient }> {
  const mounted = await Mounted.start();
  onTestFinished(() => mounted.stop());
  const client = await connect({ dataDir: mounted.dataDir });
  onTestFinished(() => client.close());
  return { mounted, client };
}

/** A write whose content isn't complete until the stream ends. */
async function beginWrite(client: NexusClient) {
  const content = new PassThrough();
  const writing = client.write("/slow.txt", content);
  content.write("head, ");
  await until("the content is being read", { holds: () => content.readableLength === 0 });
  return { content, writing };
}

describe.skipIf(skipReason !== undefined)("a daemon", () => {
  test("that can't let a client in says why, by its kind", async () => {
    const { mounted } = await start();
    const identity = { isAdmin: false, tenantId: "x".repeat(300) as TenantId };
    const client = { name: "a test", version: "0" };
    const refused = connectSocket({ dataDir: mounted.dataDir, identity, client });
    expect(await kindOfLater(refused)).toBe("name-too-long");
  });
});

describe.skipIf(skipReason !== undefined)("a daemon whose last mount ends", () => {
  test("finishes what a client has under way, and is gone then", async () => {
    const { mounted, client } = await start();
    const { pid, dataDir, mountPoint } = mounted;
    const { content, writing } = await beginWrite(client);
    const unmounting = mounted.run(["-u", mountPoint]);
    await until("it is unmounted", { holds: () => !mounted.isMounted });
    content.end("tail");
    expect(await writing).toMatchObject({ size: 10 });
    expect(await unmounting).toMatchObject({ code: 0 });
    await until("the daemon has ended", { holds: () => !isRunning(pid) });
    const again = await connect({ dataDir });
    onTestFinished(() => again.close());
    expect((await again.read("/slow.txt")).toString()).toBe("head, tail");
  });

  test("doesn't stay for who is only connected, or waits", async () => {
    const { mounted, client } = await start();
    const { pid, mountPoint } = mounted;
    const claiming = kindOfLater(client.queue.claim({ worker: "w", wait: true }));
    await client.exists("/");
    expect(await mounted.run(["-u", mountPoint])).toMatchObject({ code: 0, stderr: "" });
    expect(await claiming).toBe("io-failure");
    await until("the daemon has ended", { holds: () => !isRunning(pid) });
  });

  test("by a crash leaves no client waiting", async () => {
    const { mounted, client } = await start();
    const { writing } = await beginWrite(client);
    const failing = kindOfLater(writing);
    await killNow(mounted.pid);
    expect(await failing).toBe("io-failure");
  });
});
