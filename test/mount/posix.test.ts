import { ordinaryUser } from "../conformance/ordinary-user.js";
import { actAs, type Credentials } from "../conformance/thread-credentials.js";
import { whyNoMounts } from "../support/daemon.js";
import { posixOnMount } from "./posix-on-mount.js";

const ROOT = { uid: 0, gid: 0 };
const USER: Credentials = whyNoMounts() === undefined ? ordinaryUser() : { uid: 12345, gid: 12345 };

posixOnMount({
  title: "on a mount, as root",
  mount: { args: ["--allow-other"] },
  run: { user: ROOT },
});

posixOnMount({
  title: "on a mount that an ordinary user made, as that user",
  mount: { user: USER },
  run: { user: USER, as: actAs },
});
