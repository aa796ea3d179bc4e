import { stat } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { Pump, type Source } from "../../src/fuse/pump.js";
import { read, setNonBlocking, write } from "../../src/libc/device.js";
import { connection } from "../libc/descriptors.js";

/** The pump sleeps in poll(2), where no time limit of the test's reaches it. */
const LIMIT_MS = 5000;

/** A pump that stops by itself, so that a test that waits in vain fails. */
function limitedPump(): { pump: Pump; run: () => Promise<"stopped" | "too late"> } {
  const pump = new Pump();
  let outcome: "stopped" | "too late" = "stopped";
  const cancel = pump.after(LIMIT_MS, () => {
    outcome = "too late";
    pump.stop();
  });
  const run = async () => {
    await pump.run();
    cancel();
    return outcome;
  };
  return { pump, run };
}

/** A device on which each byte is a request. */
function device(serve: (request: string) => "more" | "ended"): Source & {
  isWaiting: boolean;
  send: (requests: string) => void;
} {
  const [fd, kernel] = connection();
  setNonBlocking(fd);
  const into = Buffer.alloc(1);
  return {
    fd,
    isWaiting: false,
    receive: () => (read(fd, into) === 1 ? serve(into.toString()) : "more"),
    send: (requests) => {
      write(kernel, { from: Buffer.from(requests), length: requests.length });
    },
  };
}

describe("the pump serves", () => {
  test("no device that was let go, and the next one with its descriptor's number", async () => {
    const { pump, run } = limitedPump();
    const served: string[] = [];
    const first = device(() => (served.push("first") > 0 ? "ended" : "more"));
    const second = {
      ...first,
      receive: () => {
        served.push("second");
        pump.stop();
        return "more" as const;
      },
    };
    pump.add(first);
    pump.remove(first);
    pump.add(second);
    // Whoever reads it at the same time finds that it has ended, too.
    pump.remove(first);
    first.send("a");
    expect(await run()).toBe("stopped");
    expect(served).toStrictEqual(["second"]);
  });

  test("each request of each device, in its order, until it is stopped", async () => {
    const { pump, run } = limitedPump();
    const served: string[] = [];
    const serve = (request: string) => {
      served.push(request);
      if (served.length === 6) pump.stop();
      return "more" as const;
    };
    const [first, second] = [device(serve), device(serve)];
    pump.add(first);
    pump.add(second);
    first.send("abc");
    second.send("ABC");
    expect(await run()).toBe("stopped");
    expect(served.filter((request) => request >= "a").join("")).toBe("abc");
    expect(served.filter((request) => request < "a").join("")).toBe("ABC");
  });

  test("the others too, while one always has something", async () => {
    const { pump, run } = limitedPump();
    const [fd, kernel] = connection();
    write(kernel, { from: Buffer.from("x"), length: 1 }); // and nobody ever reads it
    pump.add({ fd, isWaiting: false, receive: () => "more" });
    const quiet = device(() => {
      pump.stop();
      return "more";
    });
    pump.add(quiet);
    pump.after(5, () => quiet.send("x"));
    expect(await run()).toBe("stopped");
  });

  test("no longer a device that has ended, and still the others", async () => {
    const { pump, run } = limitedPump();
    const served: string[] = [];
    const ending = device((request) => {
      served.push(request);
      return "ended";
    });
    const other = device((request) => {
      served.push(request);
      if (request === "2") pump.stop();
      return "more";
    });
    pump.add(ending);
    pump.add(other);
    ending.send("ab");
    other.send("12");
    expect(await run()).toBe("stopped");
    expect(served.sort()).toEqual(["1", "2", "a"]);
  });

  test("a device that comes while it runs", async () => {
    const { pump, run } = limitedPump();
    const late = device(() => {
      pump.stop();
      return "more";
    });
    late.send("x");
    stat("/").then(() => pump.add(late), undefined);
    expect(await run()).toBe("stopped");
  });

  test("again after it was stopped", async () => {
    const { pump, run } = limitedPump();
    const source = device(() => {
      pump.stop();
      return "more";
    });
    pump.add(source);
    for (let round = 0; round < 2; round++) {
      source.send("x");
      expect(await run()).toBe("stopped");
    }
  });
});

describe("the event loop goes on below the pump", () => {
  test("when the thread pool has a result", async () => {
    const { pump, run } = limitedPump();
    stat("/").then(() => pump.stop(), undefined);
    expect(await run()).toBe("stopped");
  });

  test("when another thread sends a message, to a pump that has long been asleep", async () => {
    const { pump, run } = limitedPump();
    const source = `
      const { parentPort } = require("node:worker_threads");
      parentPort.once("message", () => setTimeout(() => parentPort.postMessage("x"), 30));`;
    const worker = new Worker(source, { eval: true });
    try {
      worker.once("message", () => pump.stop());
      worker.postMessage("go");
      expect(await run()).toBe("stopped");
    } finally {
      await worker.terminate();
    }
  });

  test("when a timer of its own is due, once nothing else has come for a second: V8 has such", async () => {
    const { pump, run } = limitedPump();
    setTimeout(() => pump.stop(), 1);
    expect(await run()).toBe("stopped");
  });

  test("even when a device always has something", async () => {
    const { pump, run } = limitedPump();
    const [fd, kernel] = connection();
    write(kernel, { from: Buffer.from("x"), length: 1 });
    pump.add({ fd, isWaiting: false, receive: () => "more" });
    stat("/").then(() => pump.stop(), undefined);
    expect(await run()).toBe("stopped");
  });

  test("while a request waits for its answer, and requests that come meanwhile are served", async () => {
    const { pump, run } = limitedPump();
    const served: string[] = [];
    const source = device((request) => {
      served.push(request);
      if (request === "b") return "more";
      source.isWaiting = true;
      // Several trips through the loop, as an fsync makes them.
      stat("/")
        .then(() => stat("/"))
        .then(() => {
          source.isWaiting = false;
          served.push("answer");
          pump.stop();
        }, undefined);
      return "more";
    });
    pump.add(source);
    source.send("ab");
    expect(await run()).toBe("stopped");
    expect(served).toEqual(["a", "b", "answer"]);
  });
});

describe("delays on the pump", () => {
  test("run what is due in time, once, in order", async () => {
    const { pump, run } = limitedPump();
    const ran: string[] = [];
    const start = performance.now();
    const at = (delayMs: number, name: string) =>
      pump.after(delayMs, () => {
        expect(performance.now() - start).toBeGreaterThanOrEqual(delayMs);
        ran.push(name);
      });
    at(20, "second");
    at(5, "first");
    at(10, "cancelled")();
    pump.after(40, () => pump.stop());
    expect(await run()).toBe("stopped");
    expect(ran).toEqual(["first", "second"]);
  });

  test("may cancel one another, and ask for more", async () => {
    const { pump, run } = limitedPump();
    const ran: string[] = [];
    const cancels: (() => void)[] = [];
    pump.after(0, () => {
      ran.push("first");
      for (const cancel of cancels) cancel();
      pump.after(0, () => pump.stop());
    });
    cancels.push(pump.after(0, () => ran.push("cancelled by the first")));
    expect(await run()).toBe("stopped");
    expect(ran).toEqual(["first"]);
  });

  test("run while requests come all the time", async () => {
    const { pump, run } = limitedPump();
    const [fd, kernel] = connection();
    write(kernel, { from: Buffer.from("x"), length: 1 });
    pump.add({ fd, isWaiting: false, receive: () => "more" });
    pump.after(10, () => pump.stop());
    expect(await run()).toBe("stopped");
  });

  test("end after a request that was there by then: it isn't late because the thread was held up", async () => {
    const { pump, run } = limitedPump();
    const asked = device(() => {
      cancel();
      pump.stop();
      return "more";
    });
    pump.add(asked);
    asked.send("x");
    const cancel = pump.after(0, () => {
      throw new Error("it was there");
    });
    expect(await run()).toBe("stopped");
  });

  test("let promises that their tasks made go on at once", async () => {
    const { pump, run } = limitedPump();
    pump.after(0, () => {
      void Promise.resolve().then(() => pump.stop());
    });
    expect(await run()).toBe("stopped");
  });
});

test("an idle pump uses no processor", async () => {
  const { pump, run } = limitedPump();
  pump.add(device(() => "more"));
  const idleMs = 200;
  pump.after(idleMs, () => pump.stop());
  const before = process.cpuUsage();
  expect(await run()).toBe("stopped");
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(idleMs / 2);
});

describe("long work on the pump's thread", () => {
  test("takes turns with the devices: a request waits for one turn, not for all", async () => {
    const { pump, run } = limitedPump();
    const order: string[] = [];
    const asked = device((request) => {
      order.push(request);
      return "more";
    });
    pump.add(asked);
    const work = async () => {
      for (let turn = 1; turn <= 3; turn++) {
        asked.send(String(turn));
        await pump.turn();
        order.push(`turn ${turn}`);
      }
      pump.stop();
    };
    const working = work();
    expect(await run()).toBe("stopped");
    await working;
    expect(order).toEqual(["1", "turn 1", "2", "turn 2", "3", "turn 3"]);
  });

  test("goes on after a promise that a request resolved, when that request asks for it", async () => {
    const { pump, run } = limitedPump();
    let resolve: () => void = () => undefined;
    const resolved = new Promise<void>((done) => {
      resolve = done;
    });
    const asked = device(() => {
      resolve();
      pump.stepAside();
      return "more";
    });
    pump.add(asked);
    void resolved.then(() => pump.stop());
    asked.send("x");
    expect(await run()).toBe("stopped");
  });
});
