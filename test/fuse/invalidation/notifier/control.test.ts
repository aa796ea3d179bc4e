import { closeSync, fstatSync, openSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  Control,
  type ControlEvents,
  tellClosed,
  tellOpened,
} from "../../../../src/fuse/invalidation/notifier/control.js";
import { messageSocketPair, sendMessage } from "../../../../src/libc/sockets.js";
import { testDir } from "../../../support/temp-dir.js";

/** What the process hears, in words. */
function hearing() {
  const [daemon, fd] = messageSocketPair();
  onTestFinished(() => closeSync(fd));
  const heard: string[] = [];
  const events: ControlEvents = {
    onOpened: ({ mount, socket, device }) => {
      heard.push(`opened ${mount}: ${fstatSync(socket).ino} ${fstatSync(device).ino}`);
      closeSync(socket);
      closeSync(device);
    },
    onClosed: (mount) => heard.push(`closed ${mount}`),
    onCut: () => heard.push("cut"),
    onEnd: () => heard.push("end"),
  };
  const control = new Control(fd, events);
  return { daemon, control, heard };
}

describe("the notifier process hears", () => {
  test("of mounts with their descriptors, of their ends, and of the daemon's", () => {
    const { daemon, control, heard } = hearing();
    const [socket, device] = [openSync(testDir(), "r"), openSync(testDir(), "r")];
    const inodes = `${fstatSync(socket).ino} ${fstatSync(device).ino}`;
    tellOpened(daemon, { mount: 7, socket, device });
    tellClosed(daemon, 7);
    for (const fd of [socket, device, daemon]) closeSync(fd);
    const results = [control.receive(), control.receive(), control.receive()];
    expect(results).toEqual(["more", "more", "ended"]);
    expect(heard).toEqual([`opened 7: ${inodes}`, "closed 7", "end"]);
  });

  test("that descriptors were lost on the way", () => {
    const { daemon, control, heard } = hearing();
    const opened = Buffer.from([7, 0, 0, 0, 1, 0, 0, 0]);
    sendMessage(daemon, { bytes: opened, descriptors: [] });
    closeSync(daemon);
    expect(control.receive()).toBe("more");
    expect(heard).toEqual(["cut"]);
  });
});
