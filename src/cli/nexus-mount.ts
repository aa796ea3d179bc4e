import { fileURLToPath } from "node:url";

/** The program `nexus-mount`, for whoever runs Node with it. */
export const NEXUS_MOUNT = fileURLToPath(new URL("../daemon/main.js", import.meta.url));
